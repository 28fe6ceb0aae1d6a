"""What becomes of each unit in the funnel: dead, noise, duplicate or distinct."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from .column import Column
from .measure import Evidence, Measure, Outcome

FATES = ("dead", "noise", "duplicate", "distinct")
UNJUDGED = -1  # live over all the data, but silent in the half of the panel that judges reliability


def compute(evidence: Evidence) -> Outcome:
    """Number of the fate in FATES for every unit, and how many units share each."""
    units = evidence.units
    if "representative" not in units:
        return Outcome()
    code = fate(units["live"], units["reliable"], units["representative"], units["reliability"].isnan())
    counts = {name: int((code == number).sum()) for number, name in enumerate(FATES)}
    layer: dict[str, float] = {"dead": counts["dead"], "noise": counts["noise"], "duplicate": counts["duplicate"]}
    layer["unjudged"] = int((code == UNJUDGED).sum())
    return Outcome(layer=layer, units={"fate": code})


def fate(live: Tensor, reliable: Tensor, representative: Tensor, silent: Tensor) -> Tensor:
    """(units,) int64 index into FATES; UNJUDGED for a live unit too rare for the panel, which is no noise."""
    itself = representative == torch.arange(len(representative))
    judged = torch.where(~reliable, 1, torch.where(itself, 3, 2))
    return torch.where(~live, 0, torch.where(silent, UNJUDGED, judged))


def _fate(meaning: str, order: int) -> Column:
    return Column(meaning, "units", 0, kind="count", order=order, compare=False, over_depth=False, shown=False)


funnel = Measure(
    "fate",
    compute,
    layer_columns={
        "dead": _fate("units that never vary on this data", 260),
        "noise": _fate("live units whose response is not reproduced in a second view", 270),
        "duplicate": _fate("reliable units that repeat another", 280),
        "unjudged": replace(
            _fate("live units too rare to respond in the panel: neither noise nor reliable", 290), rare=True
        ),
    },
    unit_columns={
        "fate": Column(
            "dead, noise, duplicate or distinct; missing where the panel cannot tell", "", -1, 3, kind="choice",
            choices=FATES, order=20,
        )
    },
)  # fmt: skip
