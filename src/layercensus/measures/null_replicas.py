"""What a replica gives that shares no unit: rotated, or shown other examples; and how rare a match is beside it."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import ortho_group
from torch import Tensor

from ..tally import Panel
from ..tally.groups import moved
from .correlation import standardised

DRAWS = 20  # rotations, and as many shuffles; pooled over the units they make thousands
ALMOST = 1 - 1e-6  # correlations beyond it are as good as one


def rotated(half: Panel, other: Panel, seed: int) -> Tensor:
    """Each unit's best match in randomly rotated replicas: (DRAWS, units).

    A rotation keeps the replica's spectrum and its subspace, and so everything but the choice of axes.
    """
    rng = _Single(np.random.PCG64([seed, 0]))
    a, b = standardised(half.spots.flatten(0, 1)), other.spots.flatten(0, 1)
    rotations = (torch.from_numpy(ortho_group.rvs(b.shape[1], random_state=rng)) for _ in range(DRAWS))
    return torch.stack([(a.T @ standardised(b @ rotation)).abs().amax(1) for rotation in rotations])


def shuffled(half: Panel, other: Panel, seed: int) -> Tensor:
    """Each unit's best match in a replica that saw the examples in another order, groups as wholes: (DRAWS, units)."""
    rng = np.random.default_rng([seed, 1])
    a = standardised(half.spots.flatten(0, 1))
    orders = [moved(other.group, lambda n: torch.from_numpy(rng.permutation(n))) for _ in range(DRAWS)]
    return torch.stack([(a.T @ standardised(other.spots[o].flatten(0, 1))).abs().amax(1) for o in orders])


class _Single(np.random.Generator):
    """Normal draws in single precision: a rotation of a thousand units then takes half the time and memory."""

    def normal(self, size: tuple[int, ...]) -> NDArray[np.float32]:  # type: ignore[override]
        return self.standard_normal(size, dtype=np.float32)


def p_value(best: Tensor, null: Tensor) -> Tensor:
    """P-value of each unit's best match: (units,) float32.

    The null draws of all units are pooled after each unit's mean and deviation are taken out (as in SAM, Tusher 2001),
    on Fisher's scale, where a correlation near 1 is as far from chance as it should be. null: (draws, units).
    """
    mean, deviation = _scale(null)
    pool = _pool(null)
    z = (torch.atanh(best.clamp(max=ALMOST)) - mean) / deviation
    return (1 + len(pool) - torch.searchsorted(pool, z)) / (1 + len(pool))


def _scale(null: Tensor) -> tuple[Tensor, Tensor]:
    z = torch.atanh(null.clamp(max=ALMOST))
    return z.mean(0), z.std(0).clamp(min=1e-6)


def _pool(null: Tensor) -> Tensor:
    """All draws of all units, ascending, each by the mean and deviation of its unit's OTHER draws, as `best` is."""
    z = torch.atanh(null.clamp(max=ALMOST)).double()
    others = len(z) - 1
    mean = (z.sum(0) - z) / others
    square = ((z.square().sum(0) - z.square()) - others * mean.square()).clamp(min=0) / (others - 1)
    return ((z - mean) / square.sqrt().clamp(min=1e-6)).float().flatten().sort().values


def threshold_at(null: Tensor, p: float) -> Tensor:
    """The abs(correlation) of each unit at which `p_value` is `p`."""
    mean, deviation = _scale(null)
    pool = _pool(null)
    index = min(max(math.ceil(len(pool) - p * (1 + len(pool))), 0), len(pool) - 1)
    return torch.tanh(mean + deviation * pool[index])
