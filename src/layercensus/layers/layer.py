"""One layer of a net: the output of one call, and where its examples and its units lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor

ITSELF = "model"  # the name of a net that is one layer: a bare nn.Linear, or any that calls no module of its own


@dataclass(frozen=True)
class View:
    """How a layer's output becomes (examples, ...) with the units on one axis: by views, without copies.

    The one exception: units spread over several axes (heads and head_dim of attention) are joined on the last axis,
    which copies where memory does not hold them side by side.
    """

    batch_axis: int = 0  # axis of the examples in the tensor as the net made it
    fold: str = ""  # axis 0 holds examples x k: "outer" example by example, "inner" k by k; the k become axis 1
    join: tuple[int, ...] = ()  # several unit axes, counted after the steps above
    # a flattened map: the last axis as units and positions again, in these sizes
    split: tuple[int, ...] = field(default=(), repr=False)

    def apply(self, x: Tensor, examples: int) -> Tensor:
        """The tensor with its examples on axis 0. `examples` is how many the forward pass was given.

        >>> View(batch_axis=1).apply(torch.zeros(5, 3, 8), 3).shape  # time first
        torch.Size([3, 5, 8])
        >>> View(fold="outer").apply(torch.zeros(6, 8), 3).shape  # two crops of each example
        torch.Size([3, 2, 8])
        >>> View(split=(4, 2)).apply(torch.zeros(3, 8), 3).shape  # four channels, flattened with their two positions
        torch.Size([3, 4, 2])
        """
        if self.fold == "outer":
            x = torch.unflatten(x, 0, (examples, -1))
        elif self.fold == "inner":
            x = torch.unflatten(x, 0, (-1, examples)).transpose(0, 1)
        elif self.batch_axis:
            x = x.movedim(self.batch_axis, 0)
        if self.join:
            x = x.movedim(self.join, tuple(range(-len(self.join), 0))).flatten(-len(self.join))
        if self.split and x.shape[-1] == prod(self.split):  # else it is what the layer flattens
            x = torch.unflatten(x, -1, self.split)
        return x

    def moved(self, axis: int) -> int:
        """Where an axis of the tensor as the net made it lies once the examples are on axis 0."""
        if self.fold:  # axis 0 holds examples, beside them what becomes axis 1
            return axis + 1
        if axis == self.batch_axis:
            return 0
        return axis + 1 if axis < self.batch_axis else axis


@dataclass(frozen=True)
class Layer:
    """The output of one call of one module, or of one functional nonlinearity, in a forward pass."""

    name: str  # dotted; "act@1": a module's second call; "block.relu": a function called in block; "model": the net
    kind: str  # class name of the module, or the function's name
    role: str  # "neurons" (a nonlinearity's output) | "block" (residual or transformer block) | "output" | "other"
    module: str  # dotted name of the module, or of the module that the function runs in
    call: int  # 0 = first call in a forward pass
    function: str | None  # the function's name where it is not a module's output
    unit_axis: int  # axis of the units in the tensor handed on, whose axis 0 holds the examples
    width: int  # number of units
    shape: tuple[int, ...]  # of one example as handed on, e.g. (32, 112, 112)
    order: int  # in which the outputs came, 0 first
    axis_from: str  # what decided the unit axis: "conv2d", "linear, read by conv2d", "user", "guess: 3-D output, ..."
    also: tuple[str, ...]  # other tensors of the same call, not counted: "[1]: (2, 4, 4) float32"
    default: bool  # counted when the user names no layers
    problem: str | None  # why it cannot be counted, else None
    bare: bool = False  # it has weights, and so has what reads it, and no nonlinearity was seen between the two
    view: View = field(default_factory=View)  # how its output becomes (examples, ...)
    alone: str | None = None  # why only a pass of a single example tells what is that example's, else None
