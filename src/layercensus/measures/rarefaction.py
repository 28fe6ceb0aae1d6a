"""How many concepts a random draw of m units would hold: the correction for the width that a designer chose."""

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
    return float(presence(width, min(draw, width))[sizes].sum())
