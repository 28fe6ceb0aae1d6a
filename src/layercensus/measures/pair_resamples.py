"""Correlations of chosen pairs of units in every resample of the examples, some pairs at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .dealt import Dealt
from .sparse_linkage import Pairs

AT_ONCE = 2**22  # products of two units in an example, and correlations, that are held at once
WHOLE = 2**24  # products of all pairs in all blocks up to which they are made at once
DENSE_FROM = 1 / 16  # of all pairs of units: as many cost more one by one than a matrix product does


def pair_resamples(
    rows: Tensor, pairs: Pairs, *, group: Tensor, seed: int, resamples: int, some: slice = slice(None)
) -> Iterator[tuple[int, Tensor]]:
    """Number of the first of some pairs, and their correlations (resamples, those pairs); 0 where a unit is still.

    rows: (examples, spots, units), overwritten: centred in place, so that no second copy of it is made. group:
    (examples,) int64, drawn as wholes; where examples share one the rows are copied block by block. some: resamples.
    """
    x = rows.sub_(rows.flatten(0, 1).mean(0))
    blocks = Dealt.of(group)
    dealt = [x[rows] for rows in blocks.rows]
    weight = blocks.weights(resamples, seed).float()[some]
    n = (weight @ torch.tensor([float(len(part) * x.shape[1]) for part in dealt]))[:, None]
    mean = weight @ torch.stack([part.sum((0, 1)) for part in dealt]) / n
    var = (weight @ torch.stack([part.square().sum((0, 1)) for part in dealt]) / n - mean.square()).clamp(min=0)
    i, j = torch.from_numpy(pairs.i), torch.from_numpy(pairs.j)
    step = max(1, AT_ONCE // max(len(weight), max(map(len, dealt)) * x.shape[1]))
    for start, p, q, cross in _products(dealt, i, j, step):
        scale = (var[:, p] * var[:, q]).sqrt()
        c = (weight @ cross / n - mean[:, p] * mean[:, q]) / scale.clamp(min=1e-30)
        yield start, torch.where(scale > 0, c, 0.0)


def _products(dealt: Sequence[Tensor], i: Tensor, j: Tensor, step: int) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
    """Number of the first of `step` pairs, their units, and the sums of their products: (blocks, pairs)."""
    flat = [part.flatten(0, 1) for part in dealt]
    dense = len(i) >= DENSE_FROM * dealt[0].shape[2] ** 2
    whole = None
    if dense and len(dealt) * len(i) <= WHOLE:
        whole = torch.stack([(x.T @ x)[i, j] for x in flat])
    for some in (slice(start, start + step) for start in range(0, len(i), step)):
        p, q = i[some], j[some]
        if whole is not None:
            cross = whole[:, some]
        elif dense and len(p) >= DENSE_FROM * (int(p.max() - p.min()) + 1) * flat[0].shape[1]:
            first, last = int(p.min()), int(p.max()) + 1
            cross = torch.stack([(x[:, first:last].T @ x)[p - first, q] for x in flat])
        else:
            cross = torch.stack([(part[:, :, p] * part[:, :, q]).sum((0, 1)) for part in dealt])
        yield some.start, p, q, cross
