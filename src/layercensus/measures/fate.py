"""What becomes of each unit in the funnel: dead, noise, duplicate or distinct."""

from __future__ import annotations

import torch
from torch import Tensor

from .measure import Column, Evidence, Measure, Outcome

FATES = ("dead", "noise", "duplicate", "distinct")


def compute(evidence: Evidence) -> Outcome:
    """Number of the fate in FATES for every unit, and how many units share each."""
    units = evidence.units
    if "representative" not in units:
        return Outcome()
    code = fate(units["live"], units["reliable"], units["representative"])
    counts = {name: int((code == number).sum()) for number, name in enumerate(FATES)}
    layer: dict[str, float] = {"dead": counts["dead"], "noise": counts["noise"], "duplicate": counts["duplicate"]}
    return Outcome(layer=layer, units={"fate": code})


def fate(live: Tensor, reliable: Tensor, representative: Tensor) -> Tensor:
    """(units,) int64 index into FATES."""
    itself = representative == torch.arange(len(representative))
    return torch.where(~live, 0, torch.where(~reliable, 1, torch.where(itself, 3, 2)))


funnel = Measure(
    "fate",
    compute,
    layer_columns={
        "dead": Column("units that never vary on this data", "units", 0),
        "noise": Column("live units whose response does not come back in a second view", "units", 0),
        "duplicate": Column("reliable units that repeat another", "units", 0),
    },
    unit_columns={"fate": Column("0 dead, 1 noise, 2 duplicate, 3 distinct", "", 0, 3)},
)
