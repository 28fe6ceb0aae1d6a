"""A computation that treats each unit by itself, done for some units at a time, so that its memory has a bound."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

NUMBERS = 2**26  # numbers that one such computation holds of the examples and units at once
EACH = 8  # as a rule, of every example and unit: two views, centred, in float64, and what is made of them


def by_units(compute: Callable[..., Tensor], *columns: Tensor, each: int | None = None) -> Tensor:
    """What `compute` gives for (rows, units) tensors, its last axis the units, joined over blocks of units.

    each: numbers that it holds for a unit; EACH for every row where not given. An ordinary layer is one block.
    """
    step = max(1, NUMBERS // max(1, each or EACH * len(columns[0])))
    units = columns[0].shape[1]
    if units <= step:
        return compute(*columns)
    return torch.cat([compute(*(c[:, at : at + step] for c in columns)) for at in range(0, units, step)], -1)
