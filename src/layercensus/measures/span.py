"""How many directions do the reliable units span, where they are mixtures of one another?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .by_units import EACH, blocks
from .column import Column
from .measure import Evidence, Measure, Outcome
from .reliability import FEWEST
from .spectrum import directions, inverted

HELD = 0.999  # of the units' variance on held-out rows: an exact mixture but for rounding and a noise of 3 %
MOST_ROWS = 2048  # of each half; as many directions at most can be told
MIXED = 0.5  # of the reliable units, at least, are mixtures of others: else they span about as many as they are


def compute(evidence: Evidence) -> Outcome:
    """Principal directions of one half of the panel that hold 99.9 % of the units' variance on the other half."""
    units, layer = evidence.units, evidence.layer
    halves = evidence.panel.half(0), evidence.panel.half(1)
    if min(map(len, halves)) < FEWEST or "redundant" not in layer:
        return Outcome()
    chosen = units["reliable"].nonzero().flatten()
    if len(chosen) < 2 or layer["redundant"] < MIXED * len(chosen):
        return Outcome()
    fit, check = (SomeRows(half.spots) for half in halves)
    span = spanned(fit, check, chosen)
    return Outcome(layer={} if span is None else {"span": span})


@dataclass(frozen=True)
class SomeRows:
    """As many rows of a half as are needed, from all its examples."""

    spots: Tensor  # (examples, spots, all units)

    def of(self, units: Tensor) -> Tensor:
        """(rows, units) float64: those of some units."""
        positions = self.spots.shape[1]
        rows = torch.arange(0, len(self.spots) * positions, -(-len(self.spots) * positions // MOST_ROWS))
        return self.spots[(rows // positions)[:, None], (rows % positions)[:, None], units].double()


def spanned(fit: SomeRows, check: SomeRows, units: Tensor) -> int | None:
    """Directions of `fit`, strongest first, that hold `HELD` of the variance of `check`; None where all do not.

    units: (chosen,) int64, each of which weighs the same. More units than rows are read some at a time.
    """
    if len(units) <= MOST_ROWS:
        z, w = _standard(fit, check, units)
        scores, total = w @ directions(z) if z.shape[1] else z, w.square().sum()
    else:
        parts = (units[some] for some in blocks(len(units), EACH * MOST_ROWS))
        scores, total = _of_many(fit, check, parts)
    if not scores.shape[1]:
        return None
    held = scores.flip(1).square().sum(0).cumsum(0) / total.clamp(min=1e-300)
    return int((held < HELD).sum()) + 1 if bool(held[-1] >= HELD) else None


def _standard(fit: SomeRows, check: SomeRows, units: Tensor) -> tuple[Tensor, Tensor]:
    """Both halves less the mean and by the deviation of the one that fits; of the units that vary there."""
    z, w = fit.of(units), check.of(units)
    middle, scale = z.mean(0), z.std(0)
    moves = scale > 1e-6 * z.abs().amax(0)
    z, w = ((x[:, moves] - middle[moves]) / scale[moves] for x in (z, w))
    return z, w


def _of_many(fit: SomeRows, check: SomeRows, parts: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """(rows, directions) the scores of the rows that check, and their variance: from products of rows with rows."""
    gram = cross = total = torch.zeros((), dtype=torch.float64)
    for units in parts:
        z, w = _standard(fit, check, units)
        gram, cross, total = gram + z @ z.T, cross + w @ z.T, total + w.square().sum()
    return cross @ inverted(gram), total


span = Measure(
    "span",
    compute,
    layer_columns={
        "span": Column(
            "directions that hold 99.9 % of the variance of the reliable units on held-out examples; missing where "
            "most are no mixtures of others, or the examples are too few to tell",
            "directions", 1, kind="dimension", integer=True, order=145, compare=False, over_depth=False, shown=False,
        ),
    },
)  # fmt: skip
