"""Parallel analysis: directions beyond those of units that have nothing to do with each other."""

from __future__ import annotations

import torch
from torch import Tensor

PERMUTATIONS = 50
QUANTILE = 0.95
MOST = 512  # examples, since the cost grows with their square


def parallel(x: Tensor, *, seed: int, permutations: int = PERMUTATIONS) -> int:
    """Leading eigenvalues of the correlation matrix above the 95 % quantile of those after permuting (Horn 1965).

    x: (examples, units), standardised, examples in random order. Each unit is turned round by its own number of
    examples, so that whole examples move and positions never count as rows. The first half of the examples is used, at
    least 128 and at most 512. Stops at the first eigenvalue that is no larger than chance.
    """
    x = x[: min(MOST, max(128, len(x) // 2))]
    n, units = x.shape
    generator = torch.Generator().manual_seed(seed)
    row = torch.arange(n)[:, None]
    draws = []
    for _ in range(permutations):
        turn = torch.randint(0, n, (units,), generator=generator)
        draws.append(eigenvalues(x.gather(0, (row + turn) % n)))
    chance = torch.stack(draws).quantile(QUANTILE, 0)
    beyond = eigenvalues(x) > chance
    return len(beyond) if bool(beyond.all()) else int((~beyond).nonzero()[0])


def eigenvalues(x: Tensor) -> Tensor:
    """Eigenvalues of the correlation matrix of the columns, largest first, those that must be 0 left out."""
    x = x - x.mean(0)
    x = x / x.norm(dim=0).clamp(min=1e-30)
    small = x @ x.T if len(x) < x.shape[1] else x.T @ x
    values: Tensor = torch.linalg.eigvalsh(small).flip(0)
    return values[: min(len(x) - 1, x.shape[1])]
