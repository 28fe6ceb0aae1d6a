"""What a reading says of a layer: each column with its meaning, from which tables, pages and scalars are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..measures.column import Column
from ..measures.distinct import distinct
from ..measures.learned import learned
from ..measures.needed import needed
from ..measures.reliability import reliability
from ..measures.spectrum import linear

_DORMANT = Column(
    "fraction of units whose mean abs(response) is at most .025 of the layer's mean", "", 0, 1,
    "Sokar et al. 2023", kind="fraction", order=30,
)  # fmt: skip

COLUMNS: Mapping[str, Column] = {
    "dead": Column("units that answer every example of the panel alike", "units", 0, kind="count", order=10),
    "dead_bound": Column(
        "a dead unit answers otherwise in at most this fraction of all examples (95 %): 3/n", "", 0, 1, "rule of three",
        kind="fraction", order=20, shown=False,
    ),
    "dormant": _DORMANT,
    "dormant_wide": replace(_DORMANT, meaning=_DORMANT.meaning.replace(".025", ".1"), order=31),
    "unreliable": Column(
        "live units of whose variance less than half is reproduced in a second perturbed view", "units", 0,
        kind="count", order=40,
    ),
    "distinct": replace(distinct.layer_columns["distinct"], order=50),
    "coverage": replace(distinct.layer_columns["coverage"], order=60),
    "reliable": replace(reliability.layer_columns["reliable"], order=45, shown=False),
    "needed": replace(needed.layer_columns["needed"], order=70),
    "needed_low": replace(needed.layer_columns["needed_low"], order=71),
    "needed_high": replace(needed.layer_columns["needed_high"], order=72),
    "needed_status": replace(needed.layer_columns["needed_status"], order=73),
    "effective_rank": replace(linear.layer_columns["entropy_rank"], order=80, shown=True),
    "shared": replace(learned.layer_columns["shared"], order=74),
    "learned": replace(learned.layer_columns["learned"], order=75),
    "settled": Column(
        "directions that the layer needs and that the last checkpoint needs too, as a fraction of those that the last "
        "one needs", "", 0, 1, "after Raghu et al. 2017, SVCCA", kind="fraction", order=76,
    ),
    "examples": Column(
        "examples of the panel that came to the layer", "examples", 0, kind="count", order=90, shown=False
    ),
}  # fmt: skip
OVER_RUNS = ("shared", "learned", "settled")  # what takes checkpoints of whole runs
MAPPED = tuple(name for name, column in COLUMNS.items() if column.shown and column.numeric)


def per_unit(name: str) -> bool:
    """Whether a count is drawn between 0 and 1: as a fraction of the layer's units."""
    return COLUMNS[name].per_unit or COLUMNS[name].kind == "fraction"
