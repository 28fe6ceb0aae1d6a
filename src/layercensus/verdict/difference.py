"""Each count of units minus that of untrained nets, as far apart as these are among themselves: nothing learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from ..census.columns import resamples_of, twin_of
from ..census.record import CensusRecord
from ..count.nets import TRAINED, TWIN

FEWEST_NETS = 5  # untrained nets, the twin among them, below which their spread is not known
COLUMNS = ("layer", "measure", "trained", "untrained", "nets", "difference", "low", "high")
Values = NDArray[np.float64]


def difference_to_untrained(census: CensusRecord) -> pd.DataFrame:
    """A row per layer and count: layer, measure, trained, untrained, nets, difference, low, high; empty without a twin.

    untrained: the twin's count, moved by what `nets` untrained nets differ from it on the mean, on a few examples. low,
    high: 95 % interval of the difference to another untrained net: over examples, which both nets saw, and over
    untrained nets (Student's t for one net more); missing where fewer than five were counted.
    """
    rows: list[tuple[Any, ...]] = []
    for _, row in census.layers.iterrows():
        for measure, column in census.columns.where(lambda column: column.excess).items():
            own, twin = row.get(measure), row.get(twin_of(measure))
            if pd.isna(own) or pd.isna(twin):
                continue
            layer = str(row["layer"])
            nets = np.array(census.untrained.nets.get(measure, {}).get(layer, ()), dtype=np.float64)
            found = difference(float(own), float(twin), nets, _error(census, layer, column.resamples))
            rows.append((layer, measure, float(own), *found))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def difference(own: float, twin: float, nets: Values, error: float) -> tuple[float, int, float, float, float]:
    """What untrained nets hold, how many they are, the difference to it and its 95 % interval.

    nets: (untrained nets,) their counts on a few examples, the twin's first; nan where it was not counted. error:
    standard error of own - twin over examples.
    """
    known = nets[np.isfinite(nets)]
    if len(nets) < FEWEST_NETS or len(known) < FEWEST_NETS - 1:
        return twin, max(1, len(known)), own - twin, float("nan"), float("nan")
    untrained = twin + (float(known.mean() - nets[0]) if np.isfinite(nets[0]) else 0.0)
    of_nets = float(known.var(ddof=1)) * (1 + 1 / len(known))
    reach = float(np.hypot(student.ppf(0.975, len(known) - 1) * of_nets**0.5, 1.96 * error))
    return untrained, len(known), own - untrained, own - untrained - reach, own - untrained + reach


def _error(census: CensusRecord, layer: str, array: str) -> float:
    """Standard error over examples of a count minus the twin's: each resample draws the same examples for both."""
    own, twin = (census.array(layer, resamples_of(array), net) for net in (TRAINED, TWIN))
    if own is None or twin is None:
        return 0.0
    common = min(len(own), len(twin))  # wide layers of many near pairs have fewer
    return float(np.std(np.asarray(own[:common], dtype=np.float64) - np.asarray(twin[:common], dtype=np.float64)))
