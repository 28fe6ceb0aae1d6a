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
ROOM = 2**16  # pairs that there is room for at first
COPIES = 12  # bytes of a reading: its rank, its score, and once more while scores are put together
EACH = 400  # bytes for each pair that is followed through the resamples
Rows = Callable[[slice], Tensor]  # some of the units -> (rows, those units)


def too_wide(units: int, gigabytes: float) -> bool:
    """Whether matrices of units by units are beyond the budget."""
    return DENSE * units * units > gigabytes * 1e9


def most_pairs(gigabytes: float, readings: int = 0) -> int:
    """How many pairs the budget lets be followed beside so many readings, which stand in ranks and as scores."""
    return int(max(0.0, gigabytes * 1e9 - COPIES * readings) / EACH)


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
    floors, found = sorted(floors), _Found()
    for start in range(0, units, BLOCK):
        some = slice(start, start + BLOCK)
        own = [standardised(rows(some)) for rows in readings]
        for other in range(start, units, BLOCK):
            others = slice(other, other + BLOCK)
            c = _correlations(own, [standardised(rows(others)) for rows in readings])
            kind = torch.zeros_like(c, dtype=torch.int8)
            c, kind = (c, kind) if relations is None else relations.block(c, some, others, sign_blind)
            found.add(_near(c.abs() if sign_blind else c, kind, floors[0], start, other))
            while found.held > most and len(floors) > 1:
                floors = floors[1:]
                found.keep(floors[0])
            if found.held > most:
                return None
    i, j, s, kinds = (column[: found.held].numpy().copy() for column in found.columns)
    return Pairs(i, j, s.astype(np.float64), units, floors[0], kinds)


class _Found:
    """Pairs as unit, later unit, similarity and relation, in a few large tensors.

    Small ones of each block would stay between the large ones that the next block needs, and cut the heap to pieces: it
    grew to ten times what it held.
    """

    def __init__(self) -> None:
        dtypes = (torch.int64, torch.int64, torch.float32, torch.int8)
        self.columns, self.held = [torch.empty(ROOM, dtype=dtype) for dtype in dtypes], 0

    def add(self, part: tuple[Tensor, ...]) -> None:
        """Take in the pairs of a block."""
        total = self.held + len(part[0])
        if total > len(self.columns[0]):
            more = 2 * total - self.held
            self.columns = [torch.cat([x[: self.held], x.new_empty(more)]) for x in self.columns]
        for column, x in zip(self.columns, part, strict=True):
            column[self.held : total] = x
        self.held = total

    def keep(self, floor: float) -> None:
        """Let go of the pairs below a similarity."""
        kept = (self.columns[2][: self.held] >= floor).nonzero().flatten()
        for column in self.columns:
            column[: len(kept)] = column[kept]
        self.held = len(kept)


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
