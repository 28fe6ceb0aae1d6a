"""Numbers and names as a reader wants them in a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

LONGEST = 60  # characters of an example's id


def cell(row: Mapping[Any, Any] | pd.Series[Any], name: str) -> str:
    """One value of a row, with its interval where it has one; a dash where it was not measured."""
    value = row.get(name)
    if value is None or pd.isna(value):
        return "–"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
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
