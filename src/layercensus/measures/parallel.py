"""Parallel analysis: directions beyond those of units that have nothing to do with each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..tally.groups import numbered

PERMUTATIONS = 50
QUANTILE = 0.95
MOST = 512  # examples, since the cost grows with their square


def parallel(x: Tensor, *, group: Tensor, seed: int, permutations: int = PERMUTATIONS) -> int:
    """Leading eigenvalues of the correlation matrix beyond those of permuted examples (Horn 1965), one after the other.

    x: (examples, units), standardised, examples in random order. group: (examples,) int64. Each unit is turned round by
    its own number of examples, so that whole examples move and positions never count as rows; examples of one group are
    laid side by side before, so that nearly all stay together. The first third of the examples is used, at least 128
    and at most 512. An eigenvalue counts when it exceeds the 95 % quantile of the LARGEST after permuting, in
    proportion to the variance that those before it leave to noise: Horn's own comparison of the k-th with the k-th
    finds directions beside a few strong ones where there are none (Dobriban & Owen 2019).
    """
    return beyond_permuted(x[: enough(len(x))], group=group, seed=seed, permutations=permutations)


def enough(examples: int) -> int:
    """How many of so many examples are used."""
    return min(MOST, max(128, examples // 3))


def beyond_permuted(x: Tensor, *, group: Tensor, seed: int, permutations: int = PERMUTATIONS) -> int:
    """The same of all these examples."""
    x = x[numbered(group[: len(x)]).argsort(stable=True)]
    n, units = x.shape
    generator = torch.Generator().manual_seed(seed)
    row = torch.arange(n)[:, None]
    largest = []
    for _ in range(permutations):
        turn = torch.randint(0, n, (units,), generator=generator)
        largest.append(eigenvalues(x.gather(0, (row + turn) % n))[0])
    return _beyond(eigenvalues(x).tolist(), float(torch.stack(largest).quantile(QUANTILE)), units / n, units)


def _beyond(values: list[float], chance: float, ratio: float, units: int) -> int:
    noise = 1.0  # variance of a unit that the directions found so far leave
    for found, value in enumerate(values):
        if value <= chance * noise or noise <= 0:
            return found
        noise -= noise * _strength(value / noise, ratio) / units
    return len(values)


def _strength(value: float, ratio: float) -> float:
    """Variance of a direction in units of the noise, from its eigenvalue, which noise makes larger (Baik 2006)."""
    b = value - 1 - ratio
    return (b + math.sqrt(max(b * b - 4 * ratio, 0.0))) / 2


def eigenvalues(x: Tensor) -> Tensor:
    """Eigenvalues of the correlation matrix of the columns, largest first, those that must be 0 left out."""
    x = x - x.mean(0)
    x = x / x.norm(dim=0).clamp(min=1e-30)
    small = x @ x.T if len(x) < x.shape[1] else x.T @ x
    values: Tensor = torch.linalg.eigvalsh(small).flip(0)
    return values[: min(len(x) - 1, x.shape[1])]
