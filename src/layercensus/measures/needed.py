"""How many directions of the layer do the net's own answers rest on?"""

from __future__ import annotations

import math

import torch
from scipy import stats
from torch import Tensor

from ..tally import Needs, Panel, UnitNeeds
from ..tally.needs import MOST
from .column import Column
from .column import interval as interval_columns
from .ends import ends
from .fidelity import LEAST, loss_by_directions, smallest
from .interval import example_weights
from .measure import Evidence, Measure, Outcome

FIDELITY = 0.95  # of the column
FIDELITIES = (0.9, 0.95, 0.99)
SAME = 0.05  # of the number: directions of half of the calibration examples may need so many more
UNBOUNDED = 25.0  # of the logarithm of a loss: from the least that is told apart to more than all
ROWS = 2  # calibration rows a direction, below which the examples bound what can be seen
ESTIMATE, UPPER, BOUND, NONE = range(4)
STATUS = ("estimate", "upper bound", "bound by the examples", "none")


def compute(evidence: Evidence) -> Outcome:
    """The smallest number of directions that, kept, hold 95 % of the answers' variance on held-out examples."""
    needs = evidence.needs
    if needs is None:
        return Outcome()
    group = sources(needs, evidence.panel)
    loss, low, high = curves(needs, group)
    numbers = {fidelity: smallest(loss, fidelity) for fidelity in FIDELITIES}
    needed, status = numbers[FIDELITY], status_of(needs, numbers[FIDELITY])
    known = {
        "needed": needed, "needed_low": smallest(low, FIDELITY), "needed_high": smallest(high, FIDELITY),
        "needed_90": numbers[0.9], "needed_99": numbers[0.99],
    }  # fmt: skip
    if math.isnan(known["needed_high"]):
        known["needed_high"] = float(max(len(needs.spectrum), needed)) if not math.isnan(needed) else math.nan
    arrays = {
        "needed_resamples": _resampled(evidence, needs), "needed_tried": needs.tried,
        "needed_fidelity": needs.fidelity, "needed_spectrum": needs.spectrum,
        "needed_interval": _fidelities(needs, group),
    }  # fmt: skip
    if not evidence.is_twin:
        arrays |= _directions(needs, evidence.panel)
    layer = {name: value for name, value in known.items() if not math.isnan(value)} | {"needed_status": status}
    return Outcome(layer=layer, arrays=arrays, notes=_notes(needs, needed, status))


def _resampled(evidence: Evidence, needs: Needs) -> Tensor:
    """(resamples,) float64: the number on resampled held-out examples; all there are where a resample reaches none."""
    weights = example_weights(sources(needs, evidence.panel), evidence.settings.resamples, evidence.seed + 6).double()
    losses = (weights @ needs.change.T) / (weights @ needs.variance).clamp(min=1e-300)[:, None]
    found = [smallest(loss_by_directions(needs.tried, loss, needs.spectrum), FIDELITY) for loss in losses]
    return torch.tensor(found, dtype=torch.float64).nan_to_num(float(len(needs.spectrum)))


def _directions(needs: Needs, panel: Panel) -> dict[str, Tensor]:
    """The directions, each turned so that the longer tail of the scores is above 0, and the examples at their ends."""
    at = ends(panel, needs.mean, needs.reader)
    directions = {
        "mean": needs.mean, "reader": needs.reader * at.sign, "writer": needs.writer * at.sign,
    }  # fmt: skip
    arrays = {f"direction_{name}": values.float() for name, values in directions.items()}
    return arrays | {"direction_by_gradient": needs.by_gradient} | at.arrays("direction")


def directions_for(needs: Needs, fidelity: float) -> float:
    """The smallest number of directions that, kept, holds the fidelity on held-out examples; nan where none does.

    fidelity: 1 - squared change of the answers / their variance, 0 to 1.
    """
    return smallest(loss_by_directions(needs.tried, 1 - needs.fidelity, needs.spectrum), fidelity)


def curves(needs: Needs | UnitNeeds, group: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(rank + 1,) each: the loss 1 - fidelity by the number of directions or units, and the ends of its 95 % interval.

    The loss is a ratio of sums over held-out examples; its interval is Student's on the logarithm, with the jackknife's
    standard error (Efron & Stein 1981): of what was tried it came closest to 95 %, see docs/intervals.md.
    group: (held out,) equal where examples share a source, so that they are one draw.
    """
    loss, width = _log_loss(needs, group)
    ends = (loss, loss - width, loss + width)
    found = [loss_by_directions(needs.tried, each.exp(), needs.spectrum) for each in ends]
    return found[0], found[1], found[2]


def _fidelities(needs: Needs, group: Tensor) -> Tensor:
    """(2, tried) float64: the ends of the 95 % interval of the fidelity at each number of directions that was tried."""
    loss, width = _log_loss(needs, group)
    low, high = 1 - (loss + width).exp(), 1 - (loss - width).exp()
    return torch.stack([low.minimum(needs.fidelity), high.maximum(needs.fidelity)])


def _log_loss(needs: Needs | UnitNeeds, group: Tensor | None) -> tuple[Tensor, Tensor]:
    """(tried,) each: the logarithm of the loss, and half the width of its 95 % interval."""
    change, variance = _draws(needs, group)
    of_all = variance.sum().clamp(min=1e-300)
    change = change.clamp(max=MOST * of_all)
    total = change.sum(1)
    loss = (total / of_all).clamp(LEAST, MOST)
    without = ((total[:, None] - change) / (of_all - variance).clamp(min=1e-300)).clamp(LEAST, MOST).log()
    return loss.log(), _half_width(without)


def _half_width(without: Tensor) -> Tensor:
    """(tried,) half of each 95 % interval. without: (tried, draws) the logarithm of the loss without each draw.

    Few draws with large changes tell less of the variance: it has as many degrees of freedom as its own variance says,
    2 n / (kurtosis - 1) (Satterthwaite 1946).
    """
    draws, gap = without.shape[1], without - without.mean(1, keepdim=True)
    if draws < 2:  # one source says nothing of how others differ
        return torch.full((len(without),), UNBOUNDED, dtype=torch.float64)
    square = gap.square().mean(1)
    kurtosis = gap.pow(4).mean(1) / square.square().clamp(min=1e-300)
    freedom = (2 * draws / (kurtosis - 1).clamp(min=1e-9)).clamp(2, max(2, draws - 1))
    return torch.from_numpy(stats.t.ppf(0.975, freedom.numpy())) * (square * max(0, draws - 1)).sqrt()


def _draws(needs: Needs | UnitNeeds, group: Tensor | None) -> tuple[Tensor, Tensor]:
    """(tried, draws) changes and (draws,) variances of independent draws: examples, or all examples of a source."""
    if group is None:
        return needs.change, needs.variance
    _, which = group.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    draws = int(which.max()) + 1
    change, variance = needs.change.new_zeros(len(needs.change), draws), needs.variance.new_zeros(draws)
    return change.index_add_(1, which, needs.change), variance.index_add_(0, which, needs.variance)


def sources(needs: Needs, panel: Panel) -> Tensor:
    """(held out,) the source of each held-out example; its own key where the panel does not hold it."""
    if not len(panel):
        return needs.held_out
    place = torch.searchsorted(panel.key, needs.held_out).clamp(max=len(panel) - 1)
    return torch.where(panel.key[place] == needs.held_out, panel.group[place], needs.held_out)


def status_of(needs: Needs, needed: float) -> int:
    """Index into STATUS: whether the number is an estimate, or what bounds it."""
    if math.isnan(needed):
        return BOUND if _few(needs) else NONE
    if needed == 0:
        return ESTIMATE
    if _few(needs) and needed > 0.5 * len(needs.spectrum):
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


def _few(needs: Needs) -> bool:
    """Whether more examples would span more directions: there are fewer than ROWS rows for each that these span."""
    return int(needs.rows) < ROWS * min(len(needs.mean), len(needs.spectrum) + 1)


def _notes(needs: Needs, needed: float, status: int) -> tuple[str, ...]:
    units, examples = len(needs.mean), int(needs.examples)
    if status == BOUND:
        more = math.ceil(ROWS * units * examples / max(1, int(needs.rows)))
        return (
            f"needed is bound by its {examples:,} calibration examples: pass at least {2 * more:,} examples, with "
            f"panel={2 * more} and calibration={more}",
        )
    if status == NONE:
        return ("needed is missing: even with all directions kept the answers change, as nets do that round or draw",)
    return ()


def companions(name: str, unit: str, order: int) -> dict[str, Column]:
    """The columns NAME_90 and NAME_99: the same count at other fidelities than the column NAME."""
    return {
        f"{name}_{percent}": Column(
            f"the same for {percent} %", unit, 0, integer=True, order=order + place, shown=False, over_depth=False
        )
        for place, percent in enumerate((90, 99))
    }


needed = Measure(
    "needed",
    compute,
    {
        "needed": Column(
            "directions of the layer that, kept while the rest is at its mean, hold 95 % of the variance of the net's "
            "answers on held-out examples", "directions", 0, kind="number", integer=True, order=51, beside_twin=True,
            heading="needed", terminal="needed", resamples="needed", trend=("needed", "directions"),
        ),
        **interval_columns("needed", "directions", 52),
        **companions("needed", "directions", 54),
        "needed_status": Column(
            "estimate; upper bound: more calibration examples would lower it, or no gradient chose the directions; "
            "bound by the examples: too few to see more; none: the answers change with all directions kept",
            kind="choice", choices=STATUS, order=56, compare=False, over_depth=False, shown=False, rare=True,
        ),
    },
)  # fmt: skip
