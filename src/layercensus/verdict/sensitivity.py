"""What distinct units would say at other thresholds, and in other views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..census.record import CensusRecord
from ..count.nets import TRAINED, TWIN
from ..errors import some_of
from ..settings import RELIABILITY_GRID, TAU_GRID
from .compared import FEWEST_COMPARED, compared, hidden
from .trend import shape_of
from .verdict import MEANS

VIEWS = "views "  # before the name of other views, among what the shape was read at
Values = NDArray[np.float64]


def sensitivity_of(census: CensusRecord, layers: pd.DataFrame, twin: bool) -> dict[str, str]:
    """What the rarefied count would say at other thresholds, read off the shape alone, by "tau .8" and so on."""
    says = {}
    at_r, at_tau = index_of_thresholds(census)
    for i, threshold in enumerate(RELIABILITY_GRID):
        says[f"reliability {threshold:.1f}"] = _at(census, layers, i, at_tau, twin)
    for j, tau in enumerate(TAU_GRID):
        says[f"tau {tau:.2f}"] = _at(census, layers, at_r, j, twin)
    for place, name in enumerate(census.provenance.shown.get("names", ())):
        said = _shape(census, layers, "rarefied_shown", place, twin)
        says |= {VIEWS + name: said} if said is not None else {}
    says["here"] = _at(census, layers, at_r, at_tau, twin)
    return says


def answers(census: CensusRecord) -> list[list[str]]:
    """What the rarefied count's shape says at every pair of thresholds: a row per reliability, a column per tau."""
    layers = hidden(census.layers)
    twin = census.has_twin
    return [[_at(census, layers, i, j, twin) for j in range(len(TAU_GRID))] for i in range(len(RELIABILITY_GRID))]


def index_of_thresholds(census: CensusRecord) -> tuple[int, int]:
    """Where on the grid the census's own thresholds are, or the nearest to them: reliability, tau."""
    return _nearest(census, "reliability", RELIABILITY_GRID), _nearest(census, "tau", TAU_GRID)


def _nearest(census: CensusRecord, setting: str, grid: Sequence[float]) -> int:
    """Index on the grid of the threshold that the census was counted with."""
    threshold = float(census.provenance.settings[setting])
    return min(range(len(grid)), key=lambda i: abs(grid[i] - threshold))


def _at(census: CensusRecord, layers: pd.DataFrame, i: int, j: int, twin: bool) -> str:
    return _shape(census, layers, "rarefied_grid", (i, j), twin) or "undecided"


def _shape(
    census: CensusRecord, layers: pd.DataFrame, array: str, place: int | tuple[int, int], twin: bool
) -> str | None:
    """What the shape of one entry of an array over the layers says, in excess of the twin; None where it is unknown."""
    layers = compared(census, layers, "distinct_rarefied")

    def values(net: str) -> Values:
        arrays = [census.array(name, array, net) for name in layers["layer"]]
        return np.array([np.nan if a is None else a[place] for a in arrays], dtype=np.float64)

    own = values(TRAINED)
    other = values(TWIN) if twin else np.zeros(len(own))
    if len(own) < FEWEST_COMPARED or np.isnan(own).any() or np.isnan(other).any():
        return None
    level = (np.abs(own).mean() + np.abs(other).mean()) / (2 if twin else 1)
    return MEANS[shape_of(own - other, float(level))]


def otherwise(sensitivity: Mapping[str, str], answer: str) -> str:
    """In which other views the shape says something else than the answer, in words; "" where it is the same in all."""
    other = {name: says for name, says in sensitivity.items() if name.startswith(VIEWS) and says != answer}
    return some_of([f"{says} in the {name}" for name, says in other.items()])
