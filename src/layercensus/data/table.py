"""How data are named, and what opens each: also the help text of the command, so nothing heavy is imported here."""

OPENERS = {
    "digits": "layercensus.data.digits:open_digits",
    "mnist": "layercensus.data.handwriting:open_mnist",
    "images:FOLDER": "layercensus.data.images:open_images",
    "npz:FILE": "layercensus.data.arrays:open_npz",
    "text:FILE": "layercensus.data.text:open_text",
}
