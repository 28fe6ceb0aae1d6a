"""The nets: stacks of convolutions, or of full layers, that return a picture of the size of their input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import CensusError
from ...models.model import Model
from ...models.randomness import seeded

SIDE = 28
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "linear": nn.Identity}
PADDINGS = ("zeros", "circular", "reflect", "replicate")


@dataclass(frozen=True)
class Shape:
    """An architecture. channels, kernel and padding are of convolutions; full layers are all as wide as the input."""

    kind: str = "conv"  # "conv" or "fc"
    depth: int = 20  # layers with weights
    channels: int = 128
    kernel: int = 5
    padding: str = "zeros"
    bias: bool = True
    activation: str = "relu"
    label: str = ""  # added to the name

    def __post_init__(self) -> None:
        if self.kind not in ("conv", "fc"):
            raise CensusError(f"kind must be conv or fc. Got {self.kind!r}.")
        if self.depth < 1 or self.channels < 1:
            raise CensusError(f"depth and channels must be at least 1. Got {self.depth} and {self.channels}.")
        if self.kernel % 2 == 0 or not 1 <= self.kernel <= SIDE:
            raise CensusError(f"kernel must be an odd number up to {SIDE - 1}. Got {self.kernel}.")
        if self.padding not in PADDINGS:
            raise CensusError(f"padding must be one of {', '.join(PADDINGS)}. Got {self.padding!r}.")
        if self.activation not in ACTIVATIONS:
            raise CensusError(f"activation must be one of {', '.join(ACTIVATIONS)}. Got {self.activation!r}.")

    @property
    def name(self) -> str:
        """Short and unique among the nets of one run."""
        parts = (f"{self.kind}-{self.depth}", "" if self.padding == "zeros" else self.padding, self.label)
        return "-".join(part for part in parts if part)

    def at(self, depth: int) -> Shape:
        """The same with another depth."""
        return replace(self, depth=depth)


class Stack(nn.Module):
    """Layers `layer.0` ... with `act.0` ... between them; nothing stands behind the last."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        make = _convolution if shape.kind == "conv" else _full
        self.layer = nn.ModuleList(make(shape, number) for number in range(shape.depth))
        self.act = nn.ModuleList(ACTIVATIONS[shape.activation]() for _ in range(shape.depth - 1))

    def forward(self, x: Tensor) -> Tensor:
        """(examples, 1, 28, 28) -> (examples, 1, 28, 28)."""
        shape = x.shape
        x = x if self.shape.kind == "conv" else x.flatten(1)
        for number, layer in enumerate(self.layer):
            x = layer(x)
            x = self.act[number](x) if number < len(self.act) else x
        return x.reshape(shape)


def _convolution(shape: Shape, number: int) -> nn.Module:
    incoming = 1 if number == 0 else shape.channels
    outgoing = 1 if number == shape.depth - 1 else shape.channels
    mode: Any = shape.padding
    return nn.Conv2d(incoming, outgoing, shape.kernel, padding=shape.kernel // 2, padding_mode=mode, bias=shape.bias)


def _full(shape: Shape, number: int) -> nn.Module:
    return nn.Linear(SIDE**2, SIDE**2, bias=shape.bias)


def build(shape: Shape, seed: int) -> Stack:
    """The untrained net, initialised as PyTorch does: uniform within 1/sqrt(fan in), biases too."""
    net = seeded(lambda: Stack(shape))(seed)
    assert isinstance(net, Stack)
    return net


def parameters(shape: Shape) -> int:
    """How many numbers the net learns."""
    if shape.kind == "fc":
        return shape.depth * (SIDE**4 + shape.bias * SIDE**2)
    ends = [1] + [shape.channels] * (shape.depth - 1) + [1]
    kernels = sum(a * b for a, b in pairwise(ends)) * shape.kernel**2
    return kernels + shape.bias * sum(ends[1:])


def as_model(net: nn.Module, shape: Shape, name: str, about: Mapping[str, Any]) -> Model:
    """The net as the census takes it, with its untrained twin."""
    return Model(
        net.eval(), name, fresh=lambda seed: build(shape, seed), example=lambda: torch.rand(3, 1, SIDE, SIDE),
        about=about,
    )  # fmt: skip


def revive(shape: Mapping[str, Any], tensors: Mapping[str, Tensor], name: str, about: Mapping[str, Any]) -> Model:
    """The net that a file of this lab holds."""
    known = Shape(**shape)
    net = Stack(known)
    net.load_state_dict(dict(tensors))
    return as_model(net, known, name, about)


def as_json(shape: Shape) -> dict[str, Any]:
    """What `revive` takes."""
    return asdict(shape)
