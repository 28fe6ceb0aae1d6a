"""Correlations of chosen pairs of units in every resample of the examples, some pairs at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .sparse_linkage import Pairs

GROUPS = 32  # that the examples are dealt into; a resample is a weighted sum of their sums
AT_ONCE = 2**24  # products of two units in an example that are held at once
DENSE_FROM = 1 / 16  # of all pairs of units: as many cost more one by one than a matrix product does


def group_weights(resamples: int, groups: int, seed: int) -> Tensor:
    """How often each group of examples is drawn: (resamples, groups), every row sums to `groups`."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples).astype(np.float64))


def pair_resamples(rows: Tensor, pairs: Pairs, *, seed: int, resamples: int) -> Iterator[tuple[int, Tensor]]:
    """Number of the first of some pairs, and their correlations (resamples, those pairs); 0 where a unit is still.

    rows: (examples, spots, units), overwritten: centred in place, so that no second copy of it is made.
    """
    x = rows.sub_(rows.flatten(0, 1).mean(0))
    dealt = [x[group::GROUPS] for group in range(min(GROUPS, len(x)))]
    weight = group_weights(resamples, len(dealt), seed).float()
    n = (weight @ torch.tensor([float(len(part) * x.shape[1]) for part in dealt]))[:, None]
    mean = weight @ torch.stack([part.sum((0, 1)) for part in dealt]) / n
    var = (weight @ torch.stack([part.square().sum((0, 1)) for part in dealt]) / n - mean.square()).clamp(min=0)
    for start, p, q, cross in _products(dealt, torch.from_numpy(pairs.i), torch.from_numpy(pairs.j)):
        scale = (var[:, p] * var[:, q]).sqrt()
        c = (weight @ cross / n - mean[:, p] * mean[:, q]) / scale.clamp(min=1e-30)
        yield start, torch.where(scale > 0, c, 0.0)


def _products(dealt: Sequence[Tensor], i: Tensor, j: Tensor) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
    """Number of the first of some pairs, their units, and the sum of their products in each group: (groups, pairs)."""
    step = max(1, AT_ONCE // (len(dealt[0]) * dealt[0].shape[1]))
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
