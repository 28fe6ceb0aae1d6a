"""Widths for a net to be trained again, from how many directions the answers need and how many units are distinct."""

from __future__ import annotations

import math

import pandas as pd

from ..census.record import CensusRecord
from ..errors import CensusError

ROOM = 2  # units for each needed direction: training finds what a net needs more surely with some to spare
COLUMNS = ("layer", "width", "distinct", "needed", "needed_99", "least", "suggested")


def widths(census: CensusRecord) -> pd.DataFrame:
    """See `Census.widths`."""
    table = census.layers[census.layers["role"] == "neurons"]
    if "needed_99" not in table or not table["needed_99"].notna().any():
        raise CensusError(
            "widths need a census that asked what the net needs. Got one without: Settings(needed='all')."
        )
    rows = [_row(one) for one in table.to_dict("records") if not pd.isna(one["needed_99"])]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(layer: dict[str, object]) -> dict[str, object]:
    width, needed = int(layer["width"]), math.ceil(float(layer["needed_99"]))  # type: ignore[call-overload,arg-type]
    distinct = layer["distinct"]
    said = width if pd.isna(distinct) else int(distinct)  # type: ignore[call-overload]
    least = max(1, min(width, needed))
    return {
        "layer": layer["layer"], "width": width, "distinct": distinct, "needed": layer["needed"],
        "needed_99": layer["needed_99"], "least": least,
        "suggested": max(least, min(width, said, ROOM * needed)),
    }  # fmt: skip
