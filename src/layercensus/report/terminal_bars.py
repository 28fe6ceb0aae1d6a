"""Bars of characters: what the units of a layer do, and how many directions of it are needed, shared and learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.text import Text

from .fates import LOOKS

BAR = 20  # characters
DIRECTIONS = {"learned": ("█", "green"), "shared": ("▓", "blue"), "needed": ("░", "bright_blue")}  # each in the next


def bar(row: pd.Series[Any], length: int = BAR) -> Text:
    """The fractions of the four fates in so many characters; a fate that some unit has is never left out."""
    counts = {fate: 0 if pd.isna(row[fate]) else int(row[fate]) for fate in LOOKS}
    return _drawn(_cells(counts, length), fates())


def direction_bar(row: pd.Series[Any], largest: float, length: int = 12) -> Text:
    """Needed directions, in it the shared and the learned ones; so long where as many are needed as `largest`."""
    if pd.isna(row["needed"]):
        return Text("")
    needed = max(1, round(length * float(row["needed"]) / largest)) if row["needed"] > 0 else 0
    at, cells = 0, {}
    for count in DIRECTIONS:
        value = row.get(count)
        end = needed if count == "needed" else 0 if value is None or pd.isna(value) else _within(value, row, needed)
        cells[count], at = max(0, end - at), max(at, end)
    return _drawn(cells, DIRECTIONS)


def legend(marks: Mapping[str, tuple[str, str]]) -> Text:
    """What each character of a bar stands for."""
    text = Text()
    for name, (glyph, colour) in marks.items():
        text.append(glyph, style=colour)
        text.append(f" {name}  ")
    return text


def fates() -> dict[str, tuple[str, str]]:
    """The characters of the four fates."""
    return {fate: (look.glyph, look.colour) for fate, look in LOOKS.items()}


def _within(value: Any, row: pd.Series[Any], needed: int) -> int:
    return min(needed, round(needed * float(value) / float(row["needed"]))) if row["needed"] > 0 else 0


def _drawn(cells: Mapping[str, int], marks: Mapping[str, tuple[str, str]]) -> Text:
    text = Text()
    for name, number in cells.items():
        text.append(marks[name][0] * number, style=marks[name][1])
    return text


def _cells(counts: Mapping[str, int], length: int) -> dict[str, int]:
    total = sum(counts.values())
    if total == 0:
        return dict.fromkeys(counts, 0)
    cells = {fate: max(1, round(length * n / total)) if n else 0 for fate, n in counts.items()}
    largest = max(cells, key=lambda fate: cells[fate])
    cells[largest] += length - sum(cells.values())
    return cells
