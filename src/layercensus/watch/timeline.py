"""Every reading of a training run: tables over steps, what happened, saved and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from ..census.columns import typed
from ..errors import CensusError
from ..measures import Column
from . import journal
from .alarms import Alarm
from .columns import COLUMNS
from .entry import Entry, LayerInfo

FRAME = {
    "step": Column("training steps done when it was read", "steps", 0, kind="count", order=0),
    "layer": Column("dotted name", kind="text", order=1),
    "width": Column("number of units", "units", 1, kind="count", order=2),
}


@dataclass(frozen=True)
class Timeline:
    """What a watch has recorded. `about`: of which net and panel, how, and what it cost.

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> with lc.watch(net, torch.randn(64, 4), every=1, budget=None) as watch:
    ...     watch.step()
    >>> watch.timeline.table("dead").columns.tolist()
    [0, 1]
    """

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

    def save(self, folder: str | Path) -> None:
        """Write it to a folder, whole or not at all.

        Raises:
            CensusError: the folder cannot be written.
        """
        journal.write(Path(folder), head_of(self.about, self.infos), self.entries)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The timeline that `save` or a watch with `out=` wrote, also one that was killed meanwhile.

        Raises:
            CensusError: there is none.
        """
        head, entries = journal.read(Path(folder))
        return cls(head["about"], tuple(LayerInfo(**info) for info in head["layers"]), tuple(entries))

    def report(self, folder: str | Path) -> Path:
        """Write the page over time, a heat map for each count, and return its path.

        Raises:
            CensusError: the folder cannot be written.
        """
        from .page import write_page

        written: Path = write_page(self, Path(folder))
        return written

    def __str__(self) -> str:
        lines = [f"{len(self.entries)} readings of {len(self.infos)} layers", *map(str, self.alarms)]
        return "\n".join(lines if self.alarms else [*lines, "no alarm"])


def head_of(about: Mapping[str, Any], infos: Sequence[LayerInfo]) -> dict[str, Any]:
    """What stands first in the file of a timeline, as JSON."""
    return {"about": dict(about), "layers": [vars(info) for info in infos]}
