"""Every reading of a training run: tables over steps, what happened, saved and read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from . import journal
from .checkpoints import Factory
from .entry import LayerInfo
from .over_runs import Counting, over_runs
from .page import write_page
from .record import Record
from .settling import settling_words


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

    @classmethod
    def of_checkpoints(
        cls, folders: Sequence[str | Path], data: Any, *, model: Factory = None, counting: Counting | None = None,
        out: str | Path | None = None, resume: bool = False,
    ) -> Self:  # fmt: skip
        """A timeline of finished runs, from a folder of checkpoints for each; several runs also tell `learned`.

        folders: of files of weights, or folders of transformers, with the step in their names. model: a function that
        gives the net, or its name, module:factory; None for folders of transformers. out, resume: each step is kept in
        the folder at once, and what it holds is not counted again.

        Raises:
            CensusError: one line that says what must be changed.
        """
        kept = over_runs(folders, data, model, counting or Counting(), out, resume)
        return cls(kept.about, kept.infos, tuple(kept.entries))

    def save(self, folder: str | Path) -> None:
        """Write it to a folder, whole or not at all.

        Raises:
            CensusError: the folder cannot be written.
        """
        journal.write(Path(folder), journal.head_of(self.about, self.infos), self.entries)

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

    def __repr__(self) -> str:
        return f"<Timeline: {len(self.entries)} readings of {len(self.infos)} layers; print it for what it says>"

    def __str__(self) -> str:
        lines = [f"{len(self.entries)} readings of {len(self.infos)} layers", *self.notes, *map(str, self.alarms)]
        settled = settling_words(self)
        return "\n".join([*lines, settled] if settled else lines if self.alarms else [*lines, "no alarm"])
