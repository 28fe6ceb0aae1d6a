"""What a draw of units says of the kinds there are: the expected number in a smaller draw, and how many are covered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom


def presence(width: int, draw: int) -> NDArray[np.float64]:
    """Chance that a concept held by 0, 1, ..., `width` of the units appears in a draw of `draw` units.

    1 - C(width - size, draw) / C(width, draw) of Hurlbert (1971): a hypergeometric count of at least one.
    """
    chance: NDArray[np.float64] = hypergeom.sf(0, width, np.arange(width + 1), draw)
    return chance


def rarefied(sizes: NDArray[np.int64], width: int, draw: int) -> float:
    """Expected number of distinct concepts in `draw` of the `width` units.

    sizes: (concepts,) units of each concept; units in no concept count in `width` only.
    """
    size, times = np.unique(sizes, return_counts=True)
    return float(hypergeom.sf(0, width, size, min(draw, width)) @ times) if len(size) else 0.0


def coverage(sizes: NDArray[np.int64]) -> float | None:
    """Good-Turing coverage: the fraction of such units whose concept was met, 0 where each is the only one of its kind.

    sizes: (concepts,) units of each concept. None where there are none. With f1 concepts of one unit, f2 of two, and n
    units: 1 - f1/n (n-1) f1 / ((n-1) f1 + 2 f2) (Chao & Jost 2012).

    >>> coverage(np.array([1, 1, 1])), coverage(np.array([4, 4])), coverage(np.array([1, 1, 2]))
    (0.0, 1.0, 0.625)
    """
    n, f1, f2 = int(sizes.sum()), int((sizes == 1).sum()), int((sizes == 2).sum())
    if n == 0:
        return None
    return 1 - f1 / n * (n - 1) * f1 / ((n - 1) * f1 + 2 * f2) if f1 and n > 1 else 1.0 - f1 / n
