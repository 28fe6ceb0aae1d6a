"""The part of a layer's page about the directions that the answers rest on: what each carries, and its ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..census.directions import FIRST, directions_of
from ..census.record import CensusRecord
from ..gallery.gallery import RANKS
from .cells import shown
from .tiles import Examples, Sheet, Tile
from .token_words import Words


@dataclass(frozen=True)
class End:
    """The examples at one end of a direction, the outermost first."""

    ids: tuple[str, ...]
    tiles: tuple[Tile, ...]
    words: tuple[Words, ...]


@dataclass(frozen=True)
class DirectionRow:
    """One direction of the table."""

    name: str
    carries: str
    ends: tuple[End, End]  # highest and lowest scores

    @property
    def anchor(self) -> str:
        """Its address on the page of its layer."""
        return self.name.replace(" ", "-") if self.name.startswith("learned") else f"direction-{self.name}"


@dataclass(frozen=True)
class DirectionsTable:
    """The first directions of a layer, and the first learned ones."""

    rows: tuple[DirectionRow, ...]
    learned: tuple[DirectionRow, ...]
    needed: str  # "9 directions"
    of_all: tuple[int, int]  # directions that hold 99 % of the answers, and learned ones
    by_gradient: bool
    sheet: Sheet | None


def directions_table(census: CensusRecord, index: int, examples: Examples) -> DirectionsTable | None:
    """The table of a layer; None where it was not asked, or where nothing rests on it."""
    layer = str(census.layers["layer"].iloc[index])
    if census.array(layer, "direction_top") is None:
        return None
    found = directions_of(census, layer)
    ids = found.shown_ends(RANKS)
    if not ids:
        return None
    sheet = examples.whole(ids)
    ends = [_end(examples, each, () if sheet is None else sheet.tiles[row]) for row, each in enumerate(ids)]
    pairs = list(zip(ends[::2], ends[1::2], strict=True))
    plain = min(FIRST, len(found.top))
    learned = found.learned_carries if found.learned_carries is not None else ()
    return DirectionsTable(
        _rows("", found.carries, pairs[:plain]), _rows("learned ", learned, pairs[plain:]),
        _needed(census, index), (len(found.top), len(learned)), found.by_gradient, sheet,
    )  # fmt: skip


def _needed(census: CensusRecord, index: int) -> str:
    """How many hold 95 % of the answers, in words; some do where no number holds so much."""
    number = census.layers["needed"].iloc[index] if "needed" in census.layers else None
    if number is None or pd.isna(number):
        return "directions"
    return "one direction" if number == 1 else f"{number} directions"


def _rows(name: str, carries: Any, pairs: Sequence[tuple[End, End]]) -> tuple[DirectionRow, ...]:
    """A row for each direction, which the reader's own code finds under its number."""
    return tuple(
        DirectionRow(f"{name}{number}", f"{float(carries[number]):.1%}", ends) for number, ends in enumerate(pairs)
    )


def _end(examples: Examples, ids: Sequence[str], tiles: tuple[Tile, ...]) -> End:
    words = examples.beginnings(ids) if examples.spoken else ()
    return End(tuple(shown(id) for id in ids), tiles, words)
