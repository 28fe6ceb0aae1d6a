"""A net of timm, its pictures prepared as its own configuration says."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from torch import nn

from ..errors import CensusError, first_line
from .model import Model
from .named_example import noise
from .prepare import INTERPOLATIONS, Prepare
from .quiet import quiet
from .randomness import own_randomness, seeded
from .which_weights import Asked, asked_of, filled, no_weights

HUB = ("hf-hub:", "hf_hub:", "local-dir:")  # names that timm itself resolves


def open_timm(text: str) -> Model:
    """The net of that name with the hub's weights, a file's (NAME@FILE) or random ones (NAME@untrained).

    Its pictures are resized, cropped and normalised by `timm.data.create_transform` with the net's own configuration.

    Raises:
        CensusError: timm is missing, has no such net, the hub does not answer, or the weights do not fit.
    """
    try:
        import timm
    except ModuleNotFoundError as error:
        raise CensusError("timm: needs timm: pip install 'layercensus[timm]'") from error
    asked = asked_of(text)
    _known(timm, asked.name)
    net = _made(timm, asked)
    config = timm.data.resolve_model_data_config(net)
    return Model(
        net,
        f"timm:{text}",
        fresh=seeded(lambda: timm.create_model(asked.name, pretrained=False)),
        prepare=prepare_of(timm, config),
        classes=_classes(timm, net),
        example=lambda: noise(config["input_size"]),
        about={"weights from": filled(net, asked, f"timm:{asked.name}")},
    )


def _known(timm: Any, name: str) -> None:
    if name.startswith(HUB) or timm.is_model(name):
        return
    near = difflib.get_close_matches(name, timm.list_models(), n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else " timm.list_models() lists them."
    raise CensusError(f"timm:NAME must be a net of timm. Got {name!r}.{hint}")


def _made(timm: Any, asked: Asked) -> nn.Module:
    try:
        with quiet(bars=asked.hub), own_randomness(0):
            net: nn.Module = timm.create_model(asked.name, pretrained=asked.hub)
    except Exception as error:
        if asked.hub:
            raise no_weights(f"timm:{asked.name}", error) from error
        raise CensusError(f"timm:{asked.name} cannot be made: {first_line(error)}") from error
    return net


def prepare_of(timm: Any, config: Mapping[str, Any]) -> Prepare:
    """The convention for pictures that a net's data configuration describes, carried out by timm's own transform."""
    channels, height, width = config["input_size"]
    how = config["interpolation"] if config["interpolation"] in INTERPOLATIONS else "bicubic"
    plain = Prepare(
        (height, width), tuple(config["mean"]), tuple(config["std"]), channels, how, min(1.0, config["crop_pct"]),
    )  # fmt: skip
    transform = timm.data.create_transform(**config, is_training=False)
    said = plain.describe() if config["crop_mode"] == "center" else _said(plain, config)
    return Prepare(
        plain.size, plain.mean, plain.std, channels, how, plain.crop, transform=transform, says=f"{said}; timm's own"
    )  # fmt: skip


def _said(plain: Prepare, config: Mapping[str, Any]) -> str:
    """The same where the picture is not cropped at its centre."""
    _, height, width = config["input_size"]
    colour, *_, scale = plain.describe().split(", ")
    return f"{colour}, {config['crop_mode']} to {height} x {width} ({config['interpolation']}), {scale}"


def _classes(timm: Any, net: nn.Module) -> tuple[str, ...] | None:
    """The names of ImageNet's classes, where the net's own are these."""
    subset = timm.data.infer_imagenet_subset(net)
    if not subset:
        return None
    info = timm.data.ImageNetInfo(subset)
    return tuple(info.index_to_description(index) for index in range(info.num_classes()))
