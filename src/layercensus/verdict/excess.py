"""Each count of a layer minus the untrained twin's, with its interval: no count of what was learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..census.columns import resamples_of, twin_of
from ..census.record import CensusRecord
from ..count.nets import TRAINED, TWIN
from ..measures.interval import interval


def excess(census: CensusRecord) -> pd.DataFrame:
    """A row per layer and count: layer, measure, trained, twin, excess, low, high; empty without a twin.

    low, high: 95 % interval over examples of the difference. Both nets saw the same examples and each resample draws
    the same ones for both, so what moves both together adds no uncertainty.
    """
    rows: list[dict[str, Any]] = []
    for _, row in census.layers.iterrows():
        for measure, column in census.columns.where(lambda column: column.excess).items():
            own, twin = row.get(measure), row.get(twin_of(measure))
            if pd.isna(own) or pd.isna(twin):
                continue
            difference = float(own) - float(twin)
            low, high = _interval(census, str(row["layer"]), column.resamples, difference)
            rows.append(
                {"layer": row["layer"], "measure": measure, "trained": float(own), "twin": float(twin),
                 "excess": difference, "low": low, "high": high}
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["layer", "measure", "trained", "twin", "excess", "low", "high"])


def _interval(census: CensusRecord, layer: str, array: str, difference: float) -> tuple[float, float]:
    own, twin = (census.array(layer, resamples_of(array), net) for net in (TRAINED, TWIN))
    if own is None or twin is None:
        return float("nan"), float("nan")
    common = min(len(own), len(twin))  # wide layers of many near pairs have fewer
    return interval(
        difference, np.asarray(own[:common], dtype=np.float64) - np.asarray(twin[:common], dtype=np.float64)
    )
