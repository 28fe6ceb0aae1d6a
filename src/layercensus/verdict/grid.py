"""What a census would answer at other choices: grids of answers, for the eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..census.record import CensusRecord
from ..measures.needed import FIDELITIES
from ..measures.shared_directions import CUTS
from ..measures.trend_layers import FEWEST_LAYERS
from ..settings import RELIABILITY_GRID, TAU_GRID
from .compared import FEWEST_COMPARED, hidden
from .lines import LEARNED, NEEDED, Line
from .sensitivity import VIEWS, answers, index_of_thresholds
from .trend import shape_of
from .verdict import MEANS

AT = 0.95  # the fidelity, and with it
CUT = 0.5  # the cut on r^2, that the counts are printed at


@dataclass(frozen=True)
class Grid:
    """The answer of one count at each pair of two choices; here: row and column of the census's own, if any."""

    count: str  # "learned", "needed" or "distinct"
    family: str  # as in `Line`
    across: str  # what the columns are
    down: str  # what the rows are; "" for a single row
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    says: tuple[tuple[str, ...], ...]  # a row each: later, earlier, middle, even, undecided
    here: tuple[int, int] | None

    @property
    def agree(self) -> tuple[int, int]:
        """How many of the answers are the census's own, and of how many; of the most frequent one without it."""
        every = [said for row in self.says for said in row]
        own = max(every, key=every.count) if self.here is None else self.says[self.here[0]][self.here[1]]
        return every.count(own), len(every)


def grids(census: CensusRecord, lines: Sequence[Line], sensitivity: Mapping[str, str]) -> list[Grid]:
    """A grid for each count of directions that can speak, then those of distinct units."""
    found = [grid for line in lines if not line.silent and (grid := _of_line(census, line)) is not None]
    if len(hidden(census.layers)) >= FEWEST_COMPARED and "distinct_rarefied" in census.layers:
        found.append(_of_units(census))
    views = {name.removeprefix(VIEWS): says for name, says in sensitivity.items() if name.startswith(VIEWS)}
    if views:
        found.append(Grid("distinct", "", "views", "", tuple(views), ("",), (tuple(views.values()),), None))
    return found


def _of_line(census: CensusRecord, line: Line) -> Grid | None:
    if len(line.layers) < FEWEST_LAYERS:
        return None
    return _learned(census, line) if line.count == LEARNED else _needed(census, line)


def _learned(census: CensusRecord, line: Line) -> Grid | None:
    """At each fidelity and each cut on r^2 that was counted."""
    curves = [census.array(name, "learned_curve") for name in line.layers]
    if any(curve is None for curve in curves):
        return None
    whole = np.stack([np.asarray(curve, dtype=np.float64) for curve in curves])  # (layers, fidelities, cuts)
    kept = [cut for cut in range(len(CUTS)) if not np.isnan(whole[:, :, cut]).any()]
    says = tuple(tuple(_says(whole[:, row, cut]) for cut in kept) for row in range(len(FIDELITIES)))
    columns = tuple(f"{CUTS[cut]:.1f}".lstrip("0") for cut in kept)
    here = (FIDELITIES.index(AT), [CUTS[cut] for cut in kept].index(CUT)) if CUT in [CUTS[c] for c in kept] else None
    rows = tuple(f"{fidelity:.2f}".lstrip("0") for fidelity in FIDELITIES)
    return Grid(LEARNED, line.family, "r² between runs at least", "fidelity", columns, rows, says, here)


def _needed(census: CensusRecord, line: Line) -> Grid | None:
    columns = {".90": "needed_90", ".95": "needed", ".99": "needed_99"}
    layers = census.layers[census.layers["layer"].isin(line.layers)]
    known = {name: column for name, column in columns.items() if column in layers and layers[column].notna().all()}
    says = tuple(_says(layers[column].to_numpy(dtype=np.float64)) for column in known.values())
    return Grid(NEEDED, line.family, "fidelity", "", tuple(known), ("",), (says,), (0, list(known).index(".95")))


def _of_units(census: CensusRecord) -> Grid:
    says = tuple(tuple(row) for row in answers(census))
    rows, columns = (tuple(f"{value:g}".lstrip("0") for value in grid) for grid in (RELIABILITY_GRID, TAU_GRID))
    here = index_of_thresholds(census)
    return Grid("distinct", "", "one concept from |correlation|", "reliability at least", columns, rows, says, here)


def _says(values: NDArray[np.float64]) -> str:
    return MEANS[shape_of(values, float(np.abs(values).mean()))]
