"""Correlations of chosen pairs of units in every resample of the examples, some pairs at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .dealt import Dealt
from .sparse_linkage import Pairs

AT_ONCE = 2**24  # products of two units in an example that are held at once
DENSE_FROM = 1 / 16  # of all pairs of units: as many cost more one by one than a matrix product does


def pair_resamples(
    rows: Tensor, pairs: Pairs, *, group: Tensor, seed: int, resamples: int
) -> Iterator[tuple[int, Tensor]]:
    """Number of the first of some pairs, and their correlations (resamples, those pairs); 0 where a unit is still.

    rows: (examples, spots, units), overwritten: centred in place, so that no second copy of it is made. group:
    (examples,) int64, drawn as wholes; where examples share one the rows are copied block by block.
    """
    x = rows.sub_(rows.flatten(0, 1).mean(0))
    blocks = Dealt.of(group)
    dealt = [x[rows] for rows in blocks.rows]
    weight = blocks.weights(resamples, seed).float()
    n = (weight @ torch.tensor([float(len(part) * x.shape[1]) for part in dealt]))[:, None]
    mean = weight @ torch.stack([part.sum((0, 1)) for part in dealt]) / n
    var = (weight @ torch.stack([part.square().sum((0, 1)) for part in dealt]) / n - mean.square()).clamp(min=0)
    for start, p, q, cross in _products(dealt, torch.from_numpy(pairs.i), torch.from_numpy(pairs.j)):
        scale = (var[:, p] * var[:, q]).sqrt()
        c = (weight @ cross / n - mean[:, p] * mean[:, q]) / scale.clamp(min=1e-30)
        yield start, torch.where(scale > 0, c, 0.0)


def _products(dealt: Sequence[Tensor], i: Tensor, j: Tensor) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
    """Number of the first of some pairs, their units, and the sum of their products in each block: (blocks, pairs)."""
    step = max(1, AT_ONCE // (max(map(len, dealt)) * dealt[0].shape[1]))
    dense = len(i) >= DENSE_FROM * dealt[0].shape[2] ** 2
    whole = torch.stack([_squared(part.flatten(0, 1))[i, j] for part in dealt]) if dense else None
    for some in (slice(start, start + step) for start in range(0, len(i), step)):
        p, q = i[some], j[some]
        if whole is None:
            cross = torch.stack([(part[:, :, p] * part[:, :, q]).sum((0, 1)) for part in dealt])
        else:
            cross = whole[:, some]
        yield some.start, p, q, cross


def _squared(x: Tensor) -> Tensor:
    return x.T @ x
