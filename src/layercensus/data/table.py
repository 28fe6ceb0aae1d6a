"""How data are named, and what opens each: also the help text of the command, so nothing heavy is imported here."""

OPENERS = {
    "digits": "layercensus.data.digits:open_digits",
    "mnist": "layercensus.data.handwriting:open_mnist",
    "images:FOLDER": "layercensus.data.images:open_images",
    "npz:FILE": "layercensus.data.npz:open_npz",
    "npy:FILE": "layercensus.data.npz:open_npy",
    "text:FILE": "layercensus.data.text:open_text",
    "audio:FOLDER": "layercensus.data.audio:open_audio",
    "csv:FILE": "layercensus.data.tables:open_csv",
    "parquet:FILE": "layercensus.data.tables:open_parquet",
    "hf:NAME_OR_FOLDER": "layercensus.data.hf_data:open_hf_data",
    "wds:PATTERN": "layercensus.data.shards:open_shards",
}
