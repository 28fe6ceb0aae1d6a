"""The tables of a census in the terminal: at most eight columns with bars, or every declared column with its doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..census.columns import twin_of
from ..census.record import CensusRecord
from ..census.status import COUNT
from ..measures import Column
from .terminal_bars import bar, direction_bar

WIDTH = 100
MOST = 8  # columns of the short table
NEEDED = "needed"
DISTINCT = "distinct"


@dataclass(frozen=True)
class _Shown:
    """One column of a table."""

    heading: str
    cells: list[str | Text]
    justify: Any = "right"


def short_table(census: CensusRecord) -> Table:
    """Layers with bars of directions and units, and the numbers that answer; at most MOST columns."""
    rows = [row for _, row in census.layers.iterrows()]
    asked = declared(census)
    shown = _names(census)
    if NEEDED in asked:
        largest = float(census.layers[NEEDED].max())
        shown.append(_Shown("directions", [direction_bar(row, largest) for row in rows], "left"))
    for name, column in asked.items():
        if name == DISTINCT:
            shown.append(_Shown("units do", [bar(row, 10) for row in rows], "left"))
        shown.append(_Shown(column.terminal, [_compared(row, name, column, _ends(census, name)) for row in rows]))
        if name == NEEDED and twin_of(name) in census.layers:
            shown.append(_Shown("untrained", [_number(row[twin_of(name)], column.decimals) for row in rows]))
    return _table(shown[:MOST])


def long_table(census: CensusRecord) -> Table:
    """Every column that declares a place in the terminal, each beside the untrained twin's."""
    rows = [row for _, row in census.layers.iterrows()]
    shown = [*_names(census), _Shown("fate of the units", [bar(row) for row in rows], "left")]
    for name, column in declared(census).items():
        ends = _ends(census, name) if column.beside_twin else None
        shown.append(_Shown(column.terminal, [_compared(row, name, column, ends) for row in rows]))
        if census.has_twin and column.beside_twin:
            shown.append(_Shown("twin", [_number(row.get(twin_of(name)), column.decimals) for row in rows]))
    return _table(shown)


def declared(census: CensusRecord) -> dict[str, Column]:
    """The columns of the terminal that have a value: first those with the twin's beside them."""
    chosen = census.columns.where(lambda column: column.terminal)
    chosen = {name: column for name, column in chosen.items() if _known(census, name)}
    return dict(sorted(chosen.items(), key=lambda item: not item[1].beside_twin))


def starred(census: CensusRecord) -> bool:
    """Whether some number of the tables has a star."""
    compared = [name for name, column in declared(census).items() if column.beside_twin and name in census.layers]
    shown = census.layers[[name for name in compared if name in census.columns.intervals]].notna().any(axis=1)
    return bool((shown & (census.layers["status"] != COUNT)).any())


def short(name: str, most: int = 26) -> str:
    """A name, its middle left out where it is long.

    >>> short("features.stage3.block2.expansion.activation")
    'features.sta..n.activation'
    """
    return escape(name if len(name) <= most else f"{name[: most // 2 - 1]}..{name[-(most // 2 - 1) :]}")


def _names(census: CensusRecord) -> list[_Shown]:
    layers = census.layers
    return [
        _Shown("layer", [short(str(name)) for name in layers["layer"]], "left"),
        _Shown("units", [str(width) for width in layers["width"]]),
    ]


def _table(shown: list[_Shown]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in shown:
        table.add_column(column.heading, justify=column.justify, no_wrap=True)
    for cells in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*cells)
    return table


def _known(census: CensusRecord, name: str) -> bool:
    """Whether the net or its twin has a value in some layer."""
    both = [column for column in (name, twin_of(name)) if column in census.layers]
    return bool(census.layers[both].notna().any().any())


def _ends(census: CensusRecord, name: str) -> tuple[str, str] | None:
    return census.columns.intervals.get(name)


def _compared(row: pd.Series[Any], name: str, column: Column, ends: tuple[str, str] | None) -> str:
    """A number with its interval where it has one; marked where it is only a bound."""
    number = _number(row.get(name), column.decimals)
    if ends is None or pd.isna(row.get(name)):
        return number
    mark = "" if row["status"] == COUNT else "*"
    low, high = (_number(row[end], column.decimals) for end in ends)
    return escape(f"{number}{mark} [{low}-{high}]")


def _number(value: Any, decimals: int) -> str:
    return "-" if pd.isna(value) else f"{float(value):.{decimals}f}"
