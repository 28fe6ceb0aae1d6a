"""A computation over a layer's units, done for some units at a time, so that its memory has a bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

NUMBERS = 2**26  # numbers that one such computation holds of the examples and units at once
EACH = 32  # as a rule, of every example and unit: four times what is held, so that a copy in float64 is below the 32 MB
# beyond which glibc asks the system for each block anew


def blocks(units: int, each: int) -> Iterator[slice]:
    """The units some at a time, where `each` numbers are held of a unit. An ordinary layer is one block.

    >>> list(blocks(10, NUMBERS // 4))
    [slice(0, 4, None), slice(4, 8, None), slice(8, 12, None)]
    """
    step = max(1, NUMBERS // max(1, each))
    return (slice(at, at + step) for at in range(0, units, step))


def by_units(compute: Callable[..., Tensor], *columns: Tensor, each: int | None = None) -> Tensor:
    """What `compute` gives for (rows, units) tensors, each unit by itself, its last axis the units, joined over blocks.

    each: numbers that it holds for a unit; EACH for every row where not given.
    """
    parts = _parts(columns, each)
    return compute(*columns) if len(parts) < 2 else torch.cat([compute(*part) for part in parts], -1)


def summed(compute: Callable[..., Tensor], *columns: Tensor, each: int | None = None) -> Tensor:
    """What `compute` gives for (rows, units) tensors where it is a sum over the units, such as products of rows."""
    parts = _parts(columns, each)
    if len(parts) < 2:
        return compute(*columns)
    total = compute(*parts[0])
    for part in parts[1:]:
        total += compute(*part)
    return total


def _parts(columns: tuple[Tensor, ...], each: int | None) -> list[tuple[Tensor, ...]]:
    """The columns block by block, as views."""
    some = blocks(columns[0].shape[1], each or EACH * len(columns[0]))
    return [tuple(column[:, units] for column in columns) for units in some]
