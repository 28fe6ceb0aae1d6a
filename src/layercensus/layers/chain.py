"""What a tensor is of one activation: a function of each of its elements, affine or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum


class Made(IntEnum):
    """What a tensor was made of."""

    NOISE = 0  # random numbers
    WEIGHT = 1  # parameters alone
    RAW = 2  # the input, a statistic of activations, or scores: products of two activations
    MADE = 3  # activations behind a function with weights
    DIRECT = 4  # what a function with weights or a normalisation gave, at most moved


@dataclass(frozen=True)
class Chain:
    """A tensor as a function of each element of one activation, its start."""

    start: int  # number of that tensor
    made: Made  # of the start
    affine: bool = True
    tip: int | None = None  # number of the call that ends what is not affine
    name: str = ""  # of the tip's function, where this is its output and nothing else
    named: bool = False  # the tip is one of PyTorch's nonlinearities
    merged: bool = False  # the tip brings two functions of the start together, as x * sigmoid(x) does
    parts: tuple[int, ...] = ()  # numbers of all calls that are not affine, the tip last
    waiting: tuple[int, ...] = ()  # tips that no function with weights has read yet
    scale: float | None = None  # by which it was just multiplied; behind a tanh, what undoes that
    capped: int | None = None  # number of the tanh of a soft cap: c * tanh(x / c)
    stacked: int | None = None  # the axis along which outputs of several functions with weights stand beside each other
    sums: bool = False  # the sum over an axis
    bare: tuple[int, ...] = ()  # numbers of functions with weights since which everything is linear

    def closed(self) -> Chain:
        """The same where nothing behind it belongs to the tip any more."""
        return replace(self, named=True)
