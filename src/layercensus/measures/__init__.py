"""The measures, in the order in which each may use what came before."""

from collections.abc import Sequence
from dataclasses import replace

from .distinct import distinct
from .fate import FATES, funnel
from .informative import informative
from .live import live
from .manifold import nonlinear
from .measure import Column, Evidence, Measure, Outcome
from .redundant import redundant
from .reliability import reliability
from .replicated import replicated
from .spectrum import linear

MEASURES = (live, reliability, distinct, redundant, informative, replicated, funnel, linear, nonlinear)


def measure(evidence: Evidence, measures: Sequence[Measure] = MEASURES) -> Outcome:
    """Everything the measures say of one layer, each seeing the results of those before it."""
    total = Outcome()
    for each in measures:
        got = each.compute(evidence)
        total = Outcome(total.layer | got.layer, total.units | got.units, total.arrays | got.arrays)
        evidence = replace(evidence, units=total.units, layer=total.layer)
    return total


__all__ = ["FATES", "MEASURES", "Column", "Evidence", "Measure", "Outcome", "measure"]
