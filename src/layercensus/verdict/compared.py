"""Which layers a trend over depth is read from."""

from __future__ import annotations

import pandas as pd

from ..census.record import CensusRecord
from ..measures.trend_layers import of_trend

FEWEST_COMPARED = 2  # layers between which anything can change


def hidden(layers: pd.DataFrame) -> pd.DataFrame:
    """The rows that a trend is read from: see `of_trend`."""
    return layers[of_trend(list(layers["role"]))]


def compared(census: CensusRecord, layers: pd.DataFrame, column: str) -> pd.DataFrame:
    """Without the layers that are too narrow for the rarefied count, which is then of all their units."""
    wide = layers["width"] >= census.provenance.rarefied_to
    return layers[wide] if column == "distinct_rarefied" else layers
