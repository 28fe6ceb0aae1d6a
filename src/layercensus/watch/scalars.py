"""A reading as plain numbers with names, for trackers of experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .columns import COLUMNS
from .entry import Entry

Scalars = Mapping[str, float]
Tracker = Callable[[int, Scalars], None]  # is given the step and the numbers of one reading
PREFIX = "layercensus"


def scalars_of(entry: Entry) -> dict[str, float]:
    """ "layercensus/dead/act.3" -> 2.0 and so on: every number of the reading, and how many alarms there were.

    >>> scalars_of(Entry(step=100, rows={"act.3": {"dead": 2, "needed_status": "estimate"}}))
    {'layercensus/alarms': 0.0, 'layercensus/dead/act.3': 2.0}
    """
    numbers = {f"{PREFIX}/alarms": float(len(entry.alarms))}
    for layer, row in entry.rows.items():
        for name, value in row.items():
            if name in COLUMNS and COLUMNS[name].shown and COLUMNS[name].numeric and value is not None:
                numbers[f"{PREFIX}/{name}/{layer}"] = float(value)
    return numbers
