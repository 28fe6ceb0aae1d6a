"""What becomes of each unit in the funnel: dead, noise, duplicate or distinct."""

from __future__ import annotations

import torch
from torch import Tensor

from .measure import Column, Evidence, Measure, Outcome

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


funnel = Measure(
    "fate",
    compute,
    layer_columns={
        "dead": Column("units that never vary on this data", "units", 0),
        "noise": Column("live units whose response does not come back in a second view", "units", 0),
        "duplicate": Column("reliable units that repeat another", "units", 0),
        "unjudged": Column("live units too rare to respond in the panel: neither noise nor reliable", "units", 0),
    },
    unit_columns={"fate": Column("0 dead, 1 noise, 2 duplicate, 3 distinct, -1 unjudged", "", -1, 3)},
)
