"""What each axis of a tensor holds: known because the net was written with it, never looked at in a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from torch import Tensor


@dataclass(frozen=True)
class Factor:
    """A part of an axis: the batch, units, or positions."""

    kind: str  # "B" the batch, "C" units, "S" positions
    size: int = 0  # 0: the data decide


Axis = tuple[Factor, ...]  # the last factor runs fastest; () is an axis of size 1
Layout = tuple[Axis, ...]

BATCH = Factor("B")


def units(size: int) -> Axis:
    return (Factor("C", size),)


def places(size: int) -> Axis:
    return (Factor("S", size),)


def has(axis: Axis, kind: str) -> bool:
    return any(factor.kind == kind for factor in axis)


def pure(axis: Axis, kind: str) -> bool:
    return bool(axis) and all(factor.kind == kind for factor in axis)


def known(axis: Axis) -> bool:
    """Whether the size does not depend on the data."""
    return all(factor.size for factor in axis)


def size(axis: Axis) -> int:
    return prod(factor.size for factor in axis)


def as_places(axis: Axis) -> Axis:
    """The axis once its units are only places: what a layer with weights does to every axis that it leaves alone."""
    return tuple(Factor("S", f.size) if f.kind == "C" else f for f in axis)


def elements(layout: Layout) -> int:
    """Elements of one example, where they are known."""
    return prod(max(1, factor.size) for axis in layout for factor in axis)


def known_alone(axis: Axis) -> bool:
    """Whether the size is known once the batch holds one example."""
    return all(factor.size or factor == BATCH for factor in axis)


def size_alone(axis: Axis) -> int:
    return prod(factor.size or 1 for factor in axis)


def with_units(layout: Layout) -> list[Axis]:
    """The axes of which every index is a unit, or of which all together are."""
    axes = [axis for axis in layout if BATCH not in axis]
    return [axis for axis in axes if pure(axis, "C")] or [axis for axis in axes if has(axis, "C")]


def by_unit(x: Tensor, layout: Layout) -> Tensor | None:
    """(units, positions) of ONE example; None where it has no position, or nothing in the layout is a unit.

    Units are the axes that hold nothing else, the first slowest; where every axis with units holds more (after
    flatten), each index of such an axis is a unit. Units that are folded into the batch are none.
    """
    chosen = with_units(layout)
    if x.numel() == 0 or not chosen:
        return None
    for n, axis in zip(x.shape, layout, strict=True):
        assert not known_alone(axis) or n == size_alone(axis), (tuple(x.shape), layout)
    names = [(a, f) for a, axis in enumerate(layout) for f in axis]
    parts = x.reshape([1 if f.kind == "B" else f.size or -1 for _, f in names])
    wanted = [i for i, (a, f) in enumerate(names) if layout[a] in chosen and f.kind != "B"]
    rest = [i for i in range(len(names)) if i not in wanted]
    width = prod(names[i][1].size for i in wanted)
    return parts.permute(*wanted, *rest).reshape(width, -1)
