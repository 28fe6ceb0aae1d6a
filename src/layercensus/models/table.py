"""How models are named, and what opens each: also the help text of the command, so nothing heavy is imported here."""

OPENERS = {
    "digits": "layercensus.demo:open_digits",
    "efficientnet-lite:0": "layercensus.models.efficientnet_lite:open_efficientnet_lite",
    "hf:NAME_OR_FOLDER": "layercensus.models.hugging_face:open_hugging_face",
    "timm:NAME": "layercensus.models.timm_net:open_timm",
    "torchvision:NAME": "layercensus.models.torchvision_net:open_torchvision",
    "lab:FILE": "layercensus.labs.saved:open_lab",
}
