"""How many eigenvalues stand out of the bulk that pure noise would make."""

from __future__ import annotations

from functools import cache

import numpy as np
from torch import Tensor

ZERO = 1e-6  # of the largest eigenvalue
TRACY_WIDOM_95 = 0.9793  # 95 % quantile of the largest eigenvalue's law, real data (Johnstone 2001)


def spikes(values: Tensor, examples: int, units: int) -> int | None:
    """Eigenvalues above the edge of noise whose variance is fitted to the median of the bulk.

    values: eigenvalues of the correlation matrix over `examples` independent rows, largest first. On pure noise this is
    0 in about 95 of 100 layers. None where half of the eigenvalues or more are zero, so that there is no bulk of noise:
    a layer of copies or of low rank. A direction shows only if its eigenvalue is above 1 + sqrt(units / examples).
    """
    kept = values.numpy()[: min(examples - 1, units)]
    if len(kept) == 0 or float(np.median(kept)) < ZERO * float(kept[0]):
        return None
    ratio = units / (examples - 1)
    noise = float(np.median(kept)) / _median(ratio)
    n, p = (examples - 1) ** 0.5, units**0.5
    edge = ((n + p) ** 2 + TRACY_WIDOM_95 * (n + p) * (1 / n + 1 / p) ** (1 / 3)) / (examples - 1)
    return int((kept > noise * edge).sum())


@cache
def _median(ratio: float) -> float:
    """Median of the positive part of the Marchenko-Pastur law with variance 1."""
    low, high = (1 - ratio**0.5) ** 2, (1 + ratio**0.5) ** 2
    angle = (np.arange(20_000) + 0.5) / 20_000 * np.pi
    x = (low + high) / 2 - (high - low) / 2 * np.cos(angle)  # crowded at both edges, where the density has a root
    density = np.sqrt(np.maximum((high - x) * (x - low), 0)) / x * np.sin(angle)
    mass = np.cumsum(density)
    return float(x[np.searchsorted(mass, mass[-1] / 2)])
