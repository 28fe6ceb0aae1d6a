"""The number of distinct units at every pair of thresholds, however clusters are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..settings import RELIABILITY_GRID, TAU_GRID

Sizes = Callable[[float], NDArray[np.int64]]  # tau -> how many units each cluster has
Grid = tuple[NDArray[np.int64], NDArray[np.float64]]  # counts, and counts rarefied


def threshold_grid(
    r: NDArray[np.float64], presence: NDArray[np.float64], clusters: Callable[[NDArray[np.bool_]], Sizes]
) -> Grid:
    """Distinct units for every pair of thresholds: (reliability, tau), as counts and rarefied.

    r: (units,), their reliability. presence: chance by cluster size. clusters: units kept -> their clusters at a tau.
    """
    count = np.zeros((len(RELIABILITY_GRID), len(TAU_GRID)), dtype=np.int64)
    rarefied = np.zeros(count.shape)
    kept = -1  # reliable units at the threshold before
    for i, least in enumerate(RELIABILITY_GRID):
        keep = r >= least
        if keep.sum() == kept:
            count[i], rarefied[i] = count[i - 1], rarefied[i - 1]
            continue
        kept, at = int(keep.sum()), clusters(keep)
        for j, tau in enumerate(TAU_GRID):
            sizes = at(tau) if kept else np.zeros(0, dtype=np.int64)
            count[i, j], rarefied[i, j] = len(sizes), presence[sizes].sum()
    return count, rarefied
