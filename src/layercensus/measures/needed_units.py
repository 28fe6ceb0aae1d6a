"""How many units of the layer do the net's own answers rest on, and which?"""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from .column import Column
from .column import interval as interval_columns
from .fidelity import smallest
from .measure import Evidence, Measure, Outcome
from .needed import FIDELITIES, FIDELITY, companions, curves, sources

NAME = "needed_units"


def compute(evidence: Evidence) -> Outcome:
    """The smallest number of units that, kept, hold 95 % of the answers' variance on held-out examples."""
    if evidence.needs is None or evidence.needs.units is None:
        return Outcome()
    needs = evidence.needs.units
    loss, low, high = curves(needs, sources(evidence.needs, evidence.panel))
    known = {_name(fidelity): smallest(loss, fidelity) for fidelity in FIDELITIES}
    known |= {f"{NAME}_{end}": smallest(curve, FIDELITY) for end, curve in (("low", low), ("high", high))}
    fidelity = 1 - needs.change.sum(1) / needs.variance.sum().clamp(min=1e-300)
    arrays = {
        "needed_units_tried": needs.tried, "needed_units_fidelity": fidelity, "needed_units_order": needs.order,
    }  # fmt: skip
    return Outcome(
        layer={name: value for name, value in known.items() if not math.isnan(value)},
        units={"effect": needs.effect, "needed_at": _entered(loss, needs.place)},
        arrays=arrays,
    )


def _entered(loss: Tensor, place: Tensor) -> Tensor:
    """(units,) the fidelity that each unit and all before it hold, from the curve over numbers of units."""
    return (1 - loss[place + 1]).clamp(0, 1)


def _name(fidelity: float) -> str:
    return NAME if fidelity == FIDELITY else f"{NAME}_{round(100 * fidelity)}"


def _of_the_net(columns: dict[str, Column]) -> dict[str, Column]:
    """Columns that the trained net alone has: its units are asked, those of untrained nets and other runs are not."""
    return {name: replace(column, twin=False) for name, column in columns.items()}


needed_units = Measure(
    NAME,
    compute,
    _of_the_net({
        NAME: Column(
            "units of the layer that, kept, hold 95 % of the variance of the net's answers on held-out examples; each "
            "other unit is what the kept one most like it says of it, or its mean", "units", 0, kind="number",
            integer=True, order=216,
        ),
        **interval_columns(NAME, "units", 217),
        **companions(NAME, "units", 219),
    }),
    {
        "effect": Column(
            "what the net's answers change when the unit alone is at its mean, to first order, as a fraction of their "
            "variance", "", 0, order=112,
        ),
        "needed_at": Column(
            "fidelity that the unit and all that the answers need more hold together", "", 0, 1, kind="fraction",
            order=113,
        ),
    },
)  # fmt: skip
