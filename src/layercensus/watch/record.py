"""The readings of a training run as tables over steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ..census.columns import typed
from ..errors import CensusError
from ..measures import Column
from .alarms import Alarm
from .columns import COLUMNS
from .entry import Entry, LayerInfo

FRAME = {
    "step": Column("training steps done when it was read", "steps", 0, kind="count", order=0),
    "layer": Column("dotted name", kind="text", order=1),
    "width": Column("number of units", "units", 1, kind="count", order=2),
}


@dataclass(frozen=True)
class Record:
    """What was read: of which layers, and when."""

    about: Mapping[str, Any]
    infos: tuple[LayerInfo, ...]
    entries: tuple[Entry, ...]

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def layers(self) -> pd.DataFrame:
        """A row for each layer of each reading: step, layer, width and the counts, NA where it was not counted."""
        rows = [
            {"step": entry.step, "layer": info.name, "width": info.width, **entry.rows[info.name]}
            for entry in self.entries
            for info in self.infos
            if info.name in entry.rows
        ]
        columns = {**FRAME, **COLUMNS}
        return typed(pd.DataFrame(rows, columns=[*FRAME, *COLUMNS] if not rows else None), columns)

    @property
    def steps(self) -> tuple[int, ...]:
        """At which steps something was read."""
        return tuple(entry.step for entry in self.entries)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What happened, the earliest first."""
        return tuple(Alarm(**alarm) for entry in self.entries for alarm in entry.alarms)

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of the whole run: what the budget did not afford."""
        note = self.about.get("note")
        return () if note is None else (str(note),)

    @property
    def failed(self) -> tuple[str, ...]:
        """Why some part of a reading is missing."""
        return tuple(f"step {entry.step:,}: {why}" for entry in self.entries for why in entry.failed)

    def table(self, column: str) -> pd.DataFrame:
        """One count, a row for each layer in forward order and a column for each step at which it was counted.

        Raises:
            CensusError: there is no such count.
        """
        if column not in COLUMNS:
            raise CensusError(f"column must be one of {', '.join(COLUMNS)}. Got {column!r}.")
        known = self.layers.dropna(subset=[column])
        wide = known.pivot(index="layer", columns="step", values=column)
        wide.columns = [int(step) for step in wide.columns]
        return wide.reindex([info.name for info in self.infos if info.name in wide.index])
