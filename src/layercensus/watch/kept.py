"""The entries of a running watch, in memory and, where a folder is given, on disk as soon as they are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ..errors import CensusError
from . import journal
from .entry import Entry, LayerInfo
from .journal import head_of

SAME = ("panel", "model")  # of what is said of a timeline, what must be equal for a run to go on
NOTE = "note"


class Kept:
    """What was read until now. An entry takes the place of all at its step or later."""

    def __init__(self, about: Mapping[str, Any], infos: tuple[LayerInfo, ...], folder: Path | None) -> None:
        self.about, self.infos, self._folder = about, infos, folder
        self.entries: list[Entry] = []
        self.resumed = False

    @classmethod
    def start(
        cls, about: Mapping[str, Any], infos: tuple[LayerInfo, ...], out: str | Path | None, resume: bool
    ) -> Self:
        """A new timeline, or with `resume` the one that the folder holds.

        Raises:
            CensusError: the folder holds one already, or one of another net or panel, or none to go on with.
        """
        kept = cls(about, infos, None if out is None else Path(out))
        folder = kept._folder
        if folder is None:
            return kept
        there = (folder / journal.FILE).exists()
        if there and not resume:
            raise CensusError(f"{folder} already holds a timeline. Pass another out, or resume=True.")
        if not there:
            journal.begin(folder, head_of(about, infos))
            return kept
        head, kept.entries = journal.read(folder)
        kept.resumed = True
        if head["layers"] != [vars(info) for info in infos] or any(head["about"].get(n) != about[n] for n in SAME):
            raise CensusError(f"out must hold a timeline of the same net and panel. Got another one in {folder}.")
        journal.mend(folder)
        return kept

    def note(self, text: str) -> None:
        """Say this of the whole timeline."""
        self.about = {**self.about, NOTE: text}
        if self._folder is not None:
            journal.write(self._folder, head_of(self.about, self.infos), self.entries)

    @property
    def last_step(self) -> int | None:
        """Of the last entry; None before the first."""
        return self.entries[-1].step if self.entries else None

    def until(self, step: int) -> list[Entry]:
        """The entries before a step."""
        return [entry for entry in self.entries if entry.step < step]

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        self.entries = [*self.until(entry.step), entry] if self._goes_back(entry) else self.entries
        if self.entries[-1:] != [entry]:
            self.entries.append(entry)
        if self._folder is not None:
            journal.append(self._folder, entry)

    def _goes_back(self, entry: Entry) -> bool:
        return bool(self.entries) and self.entries[-1].step >= entry.step
