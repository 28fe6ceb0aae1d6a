"""How many directions do the reliable units span, where they are mixtures of one another?"""

from __future__ import annotations

from torch import Tensor

from .column import Column
from .measure import Evidence, Measure, Outcome
from .reliability import FEWEST
from .spectrum import directions

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
    fit, check = (_rows(half.spots, chosen) for half in halves)
    span = spanned(fit, check)
    return Outcome(layer={} if span is None else {"span": span})


def spanned(fit: Tensor, check: Tensor) -> int | None:
    """Directions of `fit`, strongest first, that hold `HELD` of the variance of `check`; None where all do not.

    fit, check: (rows, units); each unit weighs the same.
    """
    middle, scale = fit.mean(0), fit.std(0)
    moves = scale > 1e-6 * fit.abs().amax(0)
    if not bool(moves.any()):
        return None
    z, w = ((x[:, moves] - middle[moves]) / scale[moves] for x in (fit, check))
    axes = directions(z).flip(1)
    total = w.square().sum()
    held = (w @ axes).square().sum(0).cumsum(0) / total.clamp(min=1e-300)
    return int((held < HELD).sum()) + 1 if bool(held[-1] >= HELD) else None


def _rows(spots: Tensor, units: Tensor) -> Tensor:
    """As many rows as are needed, from all examples: (rows, units) float64."""
    rows = spots[:, :, units].flatten(0, 1)
    step = -(-len(rows) // MOST_ROWS)
    return rows[::step].double()


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
