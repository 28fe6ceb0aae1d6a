"""A stack of layers as a net: its forward gives each layer's mean-field activations, through modules of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import CensusError
from ...models.model import Model
from ...models.randomness import own_randomness
from .blocks import probabilities
from .crbm import Crbm, Form

COUNTED = ("layer.*.detection", "layer.*.pooling")  # what a census of a stack is taken of
EXAMPLE = 4  # pixels by which an example input is larger than what the last layer needs


class Detection(nn.Module):
    """How likely each detection unit is on, from what it receives."""

    def __init__(self, pool: int) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, inputs: Tensor) -> Tensor:
        """(examples, units, height, width) -> the same, 0..1."""
        return probabilities(inputs, self.pool)[0]


class Pooling(nn.Module):
    """How likely each pooling unit is on: that any unit of its block is."""

    def __init__(self, pool: int) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, on: Tensor) -> Tensor:
        """(examples, units, height, width) -> (examples, units, height / pool, width / pool), 0..1."""
        summed = nn.functional.avg_pool2d(on, self.pool, divisor_override=1) if self.pool > 1 else on
        return summed.clamp_max(1.0)


class Layer(nn.Module):
    """Filters, then detection units, then pooling units."""

    def __init__(self, crbm: Crbm) -> None:
        super().__init__()
        self.crbm = crbm
        self.detection = Detection(crbm.form.pool)
        self.pooling = Pooling(crbm.form.pool)

    def forward(self, v: Tensor) -> Tensor:
        """(examples, channels, H, W) -> how likely each pooling unit is on, (examples, units, h, w)."""
        out: Tensor = self.pooling(self.detection(self.crbm.hidden_input(self.crbm.fit(v))))
        return out


class Stack(nn.Module):
    """Layers `layer.0`, `layer.1`, ..., each of which takes the pooling units of the one below it as its input."""

    def __init__(self, layers: Sequence[Crbm]) -> None:
        super().__init__()
        for below, above in pairwise(layers):
            if below.form.units != above.form.channels or above.form.real:
                raise CensusError(f"A layer must take the units of the one below. Got {above.form} on {below.form}.")
        self.layer = nn.ModuleList(Layer(crbm) for crbm in layers)

    def forward(self, v: Tensor) -> Tensor:
        """(examples, channels, H, W) -> the pooling units of the last layer."""
        for layer in self.layer:
            v = layer(v)
        return v

    def activations(self, v: Tensor) -> list[Tensor]:
        """The pooling units' probabilities of every layer, from the first."""
        pooled = []
        for layer in self.layer:
            v = layer(v)
            pooled.append(v)
        return pooled

    @property
    def crbms(self) -> list[Crbm]:
        """The layers' filters and biases, from the first."""
        return [layer.crbm for layer in self.layer]  # type: ignore[misc]

    @property
    def forms(self) -> list[Form]:
        """The layers' shapes, from the first."""
        return [crbm.form for crbm in self.crbms]


def needed(forms: Sequence[Form]) -> int:
    """The smallest side of an input from which every layer has a pooling unit."""
    side = 1
    for form in reversed(forms):
        side = side * form.pool + form.kernel - 1
    return side


def untrained(forms: Sequence[Form], seed: int, like: Sequence[Crbm] | None = None) -> Stack:
    """The same architecture with filters that are noise.

    like: trained layers, whose filters' norms, biases and sigma are kept, so that only what the filters show is lost;
        None: the small filters that training starts with.
    """
    with own_randomness(seed):
        layers = [Crbm(form) for form in forms]
    for layer, trained in zip(layers, like or [], strict=False):
        norms = trained.weight.flatten(1).norm(dim=1)
        layer.weight.mul_((norms.to(layer.weight) / layer.weight.flatten(1).norm(dim=1))[:, None, None, None])
        for own, theirs in ((layer.hidden_bias, trained.hidden_bias), (layer.visible_bias, trained.visible_bias)):
            own.copy_(theirs)
        layer.sigma.copy_(trained.sigma)
    return Stack(layers)


def as_model(stack: Stack, name: str, side: int | None = None, about: Mapping[str, Any] | None = None) -> Model:
    """The stack as the census takes it. Its untrained twin has noise for filters, of the same norms and biases."""
    forms, like = stack.forms, stack.crbms
    shape = (3, forms[0].channels, *(side or needed(forms) + EXAMPLE,) * 2)
    return Model(
        stack.eval(), name, fresh=lambda seed: untrained(forms, seed, like).eval(),
        example=lambda: torch.randn(shape) if forms[0].real else torch.rand(shape), about=dict(about or {}),
    )  # fmt: skip


def as_json(stack: Stack) -> dict[str, Any]:
    """What `revive` takes as the shape."""
    return {"layers": [asdict(form) for form in stack.forms]}


def revive(shape: Mapping[str, Any], tensors: Mapping[str, Tensor], name: str, about: Mapping[str, Any]) -> Model:
    """The stack that a file of this lab holds."""
    stack = Stack([Crbm(Form(**form)) for form in shape["layers"]])
    stack.load_state_dict(dict(tensors))
    return as_model(stack, name, about.get("side"), about)
