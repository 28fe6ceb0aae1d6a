"""A net of torchvision, its pictures prepared as its weights say."""

from __future__ import annotations

import difflib
from typing import Any

from torch import nn

from ..errors import CensusError, first_line
from .model import Model
from .named_example import noise
from .prepare import Prepare
from .quiet import quiet
from .randomness import own_randomness, seeded
from .which_weights import Asked, asked_of, filled, no_weights

DEFAULT = "DEFAULT"  # the best weights that torchvision has for a net
SIDE = 224  # pixels of an example, where neither weights nor transform name a size


def open_torchvision(text: str) -> Model:
    """The net of that name with weights of the hub (NAME, NAME:WEIGHTS), a file (NAME@FILE) or none (NAME@untrained).

    Its pictures are prepared by the transforms of the weights, of the best ones where it is given others.

    Raises:
        CensusError: torchvision is missing, has no such net or weights, cannot fetch them, or they do not fit.
    """
    try:
        import torchvision.models as nets
    except ModuleNotFoundError as error:
        raise CensusError("torchvision: needs torchvision: pip install 'layercensus[torchvision]'") from error
    asked = asked_of(text)
    name, _, version = asked.name.partition(":")
    weights = _weights(nets, name, version)
    net = _made(nets, name, asked, weights)
    prepare = None if weights is None else prepare_of(weights.transforms())
    return Model(
        net,
        f"torchvision:{text}",
        fresh=seeded(lambda: nets.get_model(name, weights=None, **_plain(name))),
        prepare=prepare,
        classes=None if weights is None else tuple(weights.meta.get("categories") or ()) or None,
        example=lambda: noise((3, *((prepare.size if prepare else None) or (SIDE, SIDE)))),
        about={"weights from": filled(net, asked, f"torchvision:{name}")},
    )


def _weights(nets: Any, name: str, version: str) -> Any:
    """The member of torchvision's enumeration that is asked for."""
    if name not in nets.list_models():
        near = difflib.get_close_matches(name, nets.list_models(), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else " torchvision.models.list_models() lists them."
        raise CensusError(f"torchvision:NAME must be a net of torchvision. Got {name!r}.{hint}")
    known = nets.get_model_weights(name)
    if version and version not in (*known.__members__, DEFAULT):
        names = ", ".join(known.__members__)
        raise CensusError(f"Weights of torchvision:{name} must be one of {names}. Got {version!r}.")
    return getattr(known, version or DEFAULT) if len(known) else None


def _plain(name: str) -> dict[str, Any]:
    """What keeps a detector or segmenter from fetching weights for its inside, and old nets from warning."""
    inside = any(part in name for part in ("rcnn", "retinanet", "fcos", "ssd", "deeplab", "fcn", "lraspp", "keypoint"))
    extra: dict[str, Any] = {"weights_backbone": None} if inside else {}
    return extra | ({"init_weights": True} if name in ("googlenet", "inception_v3") else {})


def _made(nets: Any, name: str, asked: Asked, weights: Any) -> nn.Module:
    try:
        with quiet(bars=asked.hub), own_randomness(0):
            net: nn.Module = nets.get_model(name, weights=weights if asked.hub else None, **_plain(name))
    except Exception as error:
        if asked.hub:
            raise no_weights(f"torchvision:{name}", error) from error
        raise CensusError(f"torchvision:{name} cannot be made: {first_line(error)}") from error
    return net


def prepare_of(transforms: Any) -> Prepare:
    """The convention that a preset of transforms describes, carried out by the preset itself."""
    crop, resize = (list(getattr(transforms, name, None) or ()) for name in ("crop_size", "resize_size"))
    mean, std = (getattr(transforms, name, None) for name in ("mean", "std"))
    if not crop or not resize or mean is None or std is None:
        said = f"RGB, {type(transforms).__name__} of torchvision"
        return Prepare(channels=3, transform=transforms, says=said)
    size = (crop[0], crop[-1])
    how = str(getattr(transforms.interpolation, "value", "bilinear"))
    plain = Prepare(size, tuple(mean), tuple(std), 3, how, min(1.0, crop[0] / resize[0]))
    return Prepare(
        size, plain.mean, plain.std, 3, how, plain.crop,
        transform=transforms, says=f"{plain.describe()}; torchvision's own",
    )  # fmt: skip
