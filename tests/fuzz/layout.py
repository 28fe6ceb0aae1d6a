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


Place = tuple[int, int]  # axis, and which of its factors


def with_units(layout: Layout) -> list[int]:
    """The axes of which every index is a unit, or of which all together are; none folded into the batch."""
    axes = [a for a, axis in enumerate(layout) if BATCH not in axis]
    return [a for a in axes if pure(layout[a], "C")] or [a for a in axes if has(layout[a], "C")]


def readings(layout: Layout) -> dict[str, list[Place]]:
    """What may be called a unit here: which factors count units, all others being positions.

    units: the axes that hold nothing else, the first slowest; where every axis with units holds more (after flatten),
        each index of such an axis is a unit. Nothing else goes unless the library says so beside the numbers:
    flattened: the units as they were before they were flattened together with positions.
    axis N: each index of one axis.
    """
    places_of = {a: [(a, i) for i in range(len(axis))] for a, axis in enumerate(layout) if BATCH not in axis}
    chosen = with_units(layout)
    found = {"units": [place for a in chosen for place in places_of[a]]} if chosen else {}
    apart = [(a, i) for places in places_of.values() for a, i in places if layout[a][i].kind == "C"]
    if apart:
        found["flattened"] = apart
    return found | {f"axis {a}": places_of[a] for a in places_of if known(layout[a])}


def by_unit(x: Tensor, layout: Layout, reading: str = "units") -> Tensor | None:
    """(units, positions) of ONE example; None where it has no position, or the layout no such reading."""
    wanted = readings(layout).get(reading)
    if x.numel() == 0 or wanted is None:
        return None
    for n, axis in zip(x.shape, layout, strict=True):
        assert not known_alone(axis) or n == size_alone(axis), (tuple(x.shape), layout)
    names = [(a, i) for a, axis in enumerate(layout) for i in range(len(axis))]
    factors = [layout[a][i] for a, i in names]
    parts = x.reshape([1 if f == BATCH else f.size or -1 for f in factors])
    first = [names.index(place) for place in wanted]
    rest = [i for i in range(len(names)) if i not in first]
    width = prod(parts.shape[i] for i in first)
    return parts.permute(*first, *rest).reshape(width, -1)
