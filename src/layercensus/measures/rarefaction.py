"""How many concepts a random draw of m units would hold: the correction for the width that a designer chose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln


def presence(width: int, draw: int) -> NDArray[np.float64]:
    """Chance that a concept held by 0, 1, ..., `width` of the units appears in a draw of `draw` units.

    1 - C(width - size, draw) / C(width, draw), the hypergeometric of Hurlbert (1971), by log-gamma.
    """
    size = np.arange(width + 1)
    rest = width - size
    possible = rest >= draw
    log_missing = np.full(width + 1, -np.inf)
    log_missing[possible] = _choose(rest[possible], draw) - _choose(np.array(width), draw)
    missing: NDArray[np.float64] = np.exp(log_missing)
    return 1.0 - missing


def _choose(n: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))


def rarefied(sizes: NDArray[np.int64], width: int, draw: int) -> float:
    """Expected number of distinct concepts in `draw` of the `width` units.

    sizes: (concepts,) units of each concept; units in no concept count in `width` only.
    """
    return float(presence(width, min(draw, width))[sizes].sum())
