"""Every reading of a training run: tables over steps, what happened, saved and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from . import journal
from .entry import LayerInfo
from .page import write_page
from .record import Record


@dataclass(frozen=True)
class Timeline(Record):
    """What a watch has recorded. `about`: of which net and panel, how, and what it cost.

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> with lc.watch(net, torch.randn(64, 4), every=1, budget=None) as watch:
    ...     watch.step()
    >>> watch.timeline.table("dead").columns.tolist()
    [0, 1]
    """

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
        return write_page(self, Path(folder))

    def __str__(self) -> str:
        lines = [f"{len(self.entries)} readings of {len(self.infos)} layers", *map(str, self.alarms)]
        return "\n".join(lines if self.alarms else [*lines, "no alarm"])


def head_of(about: Mapping[str, Any], infos: Sequence[LayerInfo]) -> dict[str, Any]:
    """What stands first in the file of a timeline, as JSON."""
    return {"about": dict(about), "layers": [vars(info) for info in infos]}
