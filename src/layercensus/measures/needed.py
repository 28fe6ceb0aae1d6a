"""How many directions of the layer do the net's own answers rest on?"""

from __future__ import annotations

import math

from scipy import stats
from torch import Tensor

from ..tally import Needs
from .column import Column
from .column import interval as interval_columns
from .fidelity import loss_by_directions, smallest
from .measure import Evidence, Measure, Outcome

FIDELITY = 0.95  # of the column
FIDELITIES = (0.9, 0.95, 0.99)
SAME = 0.05  # of the number: directions of half of the calibration examples may need so many more
ROWS = 2  # calibration rows a unit, below which the examples bound what can be seen
ESTIMATE, UPPER, BOUND, NONE = range(4)
STATUS = ("estimate", "upper bound", "bound by the examples", "none")


def compute(evidence: Evidence) -> Outcome:
    """The smallest number of directions that, kept, hold 95 % of the answers' variance on held-out examples."""
    needs = evidence.needs
    if needs is None:
        return Outcome()
    loss, low, high = curves(needs)
    numbers = {fidelity: smallest(loss, fidelity) for fidelity in FIDELITIES}
    needed, status = numbers[FIDELITY], status_of(needs, numbers[FIDELITY])
    known = {
        "needed": needed, "needed_low": smallest(low, FIDELITY), "needed_high": smallest(high, FIDELITY),
        "needed_90": numbers[0.9], "needed_99": numbers[0.99],
    }  # fmt: skip
    if math.isnan(known["needed_high"]):
        known["needed_high"] = float(max(len(needs.spectrum), needed)) if not math.isnan(needed) else math.nan
    arrays = {
        "needed_tried": needs.tried, "needed_fidelity": needs.fidelity, "needed_spectrum": needs.spectrum,
    }  # fmt: skip
    if not evidence.is_twin:
        arrays |= {f"direction_{name}": getattr(needs, name).float() for name in ("mean", "reader", "writer")}
    layer = {name: value for name, value in known.items() if not math.isnan(value)} | {"needed_status": status}
    return Outcome(layer=layer, arrays=arrays, notes=_notes(needs, needed, status))


def directions_for(needs: Needs, fidelity: float) -> float:
    """The smallest number of directions that, kept, holds the fidelity on held-out examples; nan where none does.

    fidelity: 1 - squared change of the answers / their variance, 0 to 1.
    """
    return smallest(loss_by_directions(needs.tried, 1 - needs.fidelity, needs.spectrum), fidelity)


def curves(needs: Needs) -> tuple[Tensor, Tensor, Tensor]:
    """(rank + 1,) each: the loss 1 - fidelity by the number of directions, and the ends of its 95 % interval.

    The loss is a ratio of means over held-out examples; its interval is Student's on the logarithm, with the variance
    of the ratio to first order.
    """
    mean, error = needs.variance.mean().clamp(min=1e-300), _error(needs)
    loss = (needs.change.mean(1) / mean).clamp(min=1e-12)
    width = stats.t.ppf(0.975, max(1, len(needs.variance) - 1)) * error / loss
    ends = (loss * (-width).exp(), loss * width.exp())
    found = [loss_by_directions(needs.tried, each, needs.spectrum) for each in (loss, *ends)]
    return found[0], found[1], found[2]


def _error(needs: Needs) -> Tensor:
    """(tried,) the standard error of each loss."""
    mean, examples = needs.variance.mean().clamp(min=1e-300), len(needs.variance)
    loss = needs.change.mean(1, keepdim=True) / mean
    residual = needs.change - loss * needs.variance
    error: Tensor = residual.std(1) / mean / examples**0.5
    return error


def status_of(needs: Needs, needed: float) -> int:
    """Index into STATUS: whether the number is an estimate, or what bounds it."""
    if math.isnan(needed):
        return BOUND if int(needs.rows) < ROWS * len(needs.mean) else NONE
    if needed == 0:
        return ESTIMATE
    if int(needs.rows) < ROWS * len(needs.mean) and needed > 0.5 * len(needs.spectrum):
        return BOUND
    if not bool(needs.by_gradient):
        return UPPER
    at = needs.fewer.isfinite().nonzero().flatten()
    if not len(at):
        return ESTIMATE
    loss = curves(needs)[0]
    tried = float(needs.tried[at[0]])
    as_many = smallest(loss, float(needs.fewer[at[0]]))  # of all examples' directions do as well as half's
    return UPPER if tried - as_many > max(1.0, SAME * tried) else ESTIMATE


def _notes(needs: Needs, needed: float, status: int) -> tuple[str, ...]:
    units, examples = len(needs.mean), int(needs.examples)
    if status == BOUND:
        more = math.ceil(ROWS * units * examples / max(1, int(needs.rows)))
        return (
            f"needed is bound by {examples:,} calibration examples: give calibration={more:,} and twice that as panel",
        )
    if status == NONE:
        return ("needed is missing: even with all directions kept the answers change, as nets do that round or draw",)
    return ()


needed = Measure(
    "needed",
    compute,
    {
        "needed": Column(
            "directions of the layer that, kept while the rest is at its mean, hold 95 % of the variance of the net's "
            "answers on held-out examples", "directions", 0, kind="number", integer=True, order=210, beside_twin=True,
            heading="needed", terminal="needed",
        ),
        **interval_columns("needed", "directions", 211),
        "needed_90": Column(
            "the same for 90 %", "directions", 0, integer=True, order=213, shown=False, over_depth=False,
        ),
        "needed_99": Column(
            "the same for 99 %", "directions", 0, integer=True, order=214, shown=False, over_depth=False,
        ),
        "needed_status": Column(
            "estimate; upper bound: more calibration examples would lower it, or no gradient chose the directions; "
            "bound by the examples: too few to see more; none: the answers change with all directions kept",
            kind="choice", choices=STATUS, order=215, compare=False, over_depth=False, shown=False, rare=True,
        ),
    },
)  # fmt: skip
