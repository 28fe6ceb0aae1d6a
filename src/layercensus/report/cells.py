"""Numbers and names as a reader wants them in a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..census.columns import PREFIX
from ..measures import Column

LONGEST = 60  # characters of an example's id
CLASSES = {"text": "t", "choice": "t", "concept": "t", "ids": "t", "sentence": "wrap"}  # kind -> CSS class of its cells


def heading(name: str, column: Column) -> str:
    """What stands over a column; the untrained twin's says that it is."""
    own = column.heading and ("twin " if name.startswith(PREFIX) else "") + column.heading
    return own or name.replace("_", " ")


def css(column: Column) -> str:
    """The CSS class of a column's cells: "t" for words on the left, "wrap" over several lines, "" for numbers."""
    return CLASSES.get(column.kind, "")


def cell(row: Mapping[Any, Any] | pd.Series[Any], name: str, ends: tuple[str, str] | None = None) -> str:
    """One value of a row, with its interval, whose columns are `ends`; a dash where it was not measured."""
    value = row.get(name)
    if value is None or pd.isna(value):
        return "–"
    low, high = (None, None) if ends is None else (row.get(end) for end in ends)
    if low is None or high is None or pd.isna(low):
        return _number(value)
    digits = 1 if isinstance(value, float) else 0
    return f"{_number(value)} [{float(low):.{digits}f}–{float(high):.{digits}f}]"


def _number(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def shown(id: str) -> str:
    """An example's id, its middle left out where it is long."""
    return id if len(id) <= LONGEST else f"{id[:28]}…{id[-28:]}"
