"""Which columns of a table drive a unit: those in which its top examples lie far from the others that are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..gallery.gallery import Gallery

LEAST = 1.0  # standard deviations by which a column must stand out, and
RARE = 3.0  # standard errors of a mean of so many examples drawn at random
SHOWN = 3  # columns


class Driving:
    """The kept rows of a table, standardised once."""

    def __init__(self, gallery: Gallery) -> None:
        self.known = gallery.kind == "rows" and len(gallery.examples) > 1
        self._columns = gallery.columns
        self._at = {id: row for row, id in enumerate(gallery.examples)} if self.known else {}
        self._rows = _standardised([np.frombuffer(row, dtype=np.float32) for row in gallery.examples.values()]
                                   ) if self.known else np.zeros((0, 0))  # fmt: skip

    def columns(self, top: Sequence[str]) -> list[tuple[str, float]]:
        """The columns that stand out among these examples, the furthest first, each with its distance in deviations."""
        rows = [self._at[id] for id in top if id in self._at]
        if not rows:
            return []
        mean = self._rows[rows].mean(0)
        least = max(LEAST, RARE / len(rows) ** 0.5)
        order = np.argsort(-np.abs(mean), kind="stable")[:SHOWN]
        return [(self._columns[at], float(mean[at])) for at in order if abs(mean[at]) >= least]

    def sentence(self, top: Sequence[str]) -> str:
        """The same in words; empty where there are no rows.

        A unit without such a column may still be driven by several together.
        """
        if not self.known:
            return ""
        found = self.columns(top)
        if not found:
            return "No single column stands out among its top examples."
        parts = [f"{'high' if far > 0 else 'low'} in {name} ({far:+.1f} s.d.)" for name, far in found]
        return "Its top examples are " + ", ".join(parts) + "."


def _standardised(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    stacked = np.stack(rows).astype(np.float64)
    deviation = stacked.std(0)
    return np.asarray((stacked - stacked.mean(0)) / np.where(deviation > 0, deviation, 1.0))
