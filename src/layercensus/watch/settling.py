"""From which checkpoint on each layer is what it will be, and whether earlier layers are so first."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from scipy.stats import spearmanr

from .record import Record

ENOUGH = 0.8  # of the directions that the last checkpoint needs
FEWEST, CLEAR = 4, 0.05  # layers, and p, of a trend over depth


def settling(record: Record) -> Mapping[str, int]:
    """The first step from which on ENOUGH of what a layer needs at the end is there; empty where it was not counted.

    The last checkpoint is like itself, so a layer that reaches it only there has that step.
    """
    found = {}
    for layer, values in record.table("settled").iterrows():
        known = values.dropna()
        below = known[known < ENOUGH]
        after = known if below.empty else known[known.index > below.index[-1]]
        if len(after):
            found[str(layer)] = int(after.index[0])
    return found


def settling_words(record: Record) -> str:
    """The answer in words; "" where there is none."""
    found = settling(record)
    if not found:
        return ""
    steps = ", ".join(f"{layer} {step:,}" for layer, step in found.items())
    return f"{_order(found)} {ENOUGH:.0%} of the directions that a layer needs at the end are there from step: {steps}."


def _order(found: Mapping[str, int]) -> str:
    """Whether the steps rise or fall over the depth (Spearman)."""
    if len(found) < FEWEST or len(set(found.values())) < 2:
        return "No order of layers is seen."
    rho, p = spearmanr(range(len(found)), pd.Series(found))
    if p >= CLEAR:
        return "No clear order of layers is seen."
    first = "Earlier" if rho > 0 else "Later"
    return f"{first} layers settle first (rank correlation with depth {rho:.2f})."
