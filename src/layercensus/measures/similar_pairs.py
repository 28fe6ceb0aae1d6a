"""The pairs of a wide layer's units that are alike, found block by block: no matrix of all pairs is ever held."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from .correlation import standardised
from .relations import Relations
from .sparse_linkage import Pairs

BLOCK = 2048  # units whose correlations with as many others are held at once
DENSE = 48  # bytes for each pair that the matrices of `distinct` and `redundant` take
EACH = 400  # bytes for each pair that is followed through the resamples
Rows = Callable[[slice], Tensor]  # some of the units -> (rows, those units)


def too_wide(units: int, gigabytes: float) -> bool:
    """Whether matrices of units by units are beyond the budget."""
    return DENSE * units * units > gigabytes * 1e9


def most_pairs(gigabytes: float) -> int:
    """How many pairs the budget lets be followed."""
    return int(gigabytes * 1e9 / EACH)


def similar_pairs(
    readings: Sequence[Rows],
    units: int,
    *,
    floors: Sequence[float],
    sign_blind: bool,
    most: int,
    relations: Relations | None = None,
) -> Pairs | None:
    """The pairs at the lowest of `floors` above which there are no more than `most`; None where each has more.

    readings: the rows that pairs are judged on and, for units that do not vary there, others. relations: of the same
    units, where they may be alike otherwise than linearly. Cost: the square of the units times the rows; memory:
    BLOCK^2 and `most` pairs.
    """
    floors = sorted(floors)
    nobody = torch.zeros(0, dtype=torch.int64)
    found: list[tuple[Tensor, ...]] = [(nobody, nobody, torch.zeros(0), torch.zeros(0, dtype=torch.int8))]
    held = 0
    for start in range(0, units, BLOCK):
        some = slice(start, start + BLOCK)
        own = [standardised(rows(some)) for rows in readings]
        for other in range(start, units, BLOCK):
            others = slice(other, other + BLOCK)
            c = _correlations(own, [standardised(rows(others)) for rows in readings])
            kind = torch.zeros_like(c, dtype=torch.int8)
            c, kind = (c, kind) if relations is None else relations.block(c, some, others, sign_blind)
            near = _near(c.abs() if sign_blind else c, kind, floors[0], start, other)
            found, held = [*found, near], held + len(near[2])
            while held > most and len(floors) > 1:
                floors = floors[1:]
                found = [_above(part, floors[0]) for part in found]
                held = sum(len(part[2]) for part in found)
            if held > most:
                return None
    i, j, s, kinds = (torch.cat(column).numpy() for column in zip(*found, strict=True))
    return Pairs(i, j, s.astype(np.float64), units, floors[0], kinds)


def _correlations(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    c = a[0].T @ b[0]
    if len(a) > 1:
        still_a, still_b = (x[0].abs().amax(0) == 0 for x in (a, b))
        if bool(still_a.any() or still_b.any()):
            c = torch.where(still_a[:, None] | still_b, a[1].T @ b[1], c)
    return c.clamp_(-1, 1)


def _near(c: Tensor, kind: Tensor, floor: float, start: int, other: int) -> tuple[Tensor, ...]:
    """The pairs of a block as unit, later unit, similarity and relation."""
    near = (c.triu(1) if start == other else c) >= floor
    i, j = near.nonzero(as_tuple=True)
    return i + start, j + other, c[near], kind[near]


def _above(part: tuple[Tensor, ...], floor: float) -> tuple[Tensor, ...]:
    kept = part[2] >= floor
    return tuple(column[kept] for column in part)
