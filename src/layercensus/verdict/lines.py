"""What each count says over depth, and whether it can speak at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..census.findings import number_of
from ..census.record import CensusRecord
from ..errors import some_of
from ..measures.needed import BOUND, FIDELITIES, NONE, STATUS
from ..measures.shared_directions import CUTS
from ..measures.trend_layers import FEWEST_LAYERS
from .trend import Trend, shape_of
from .verdict import MEANS

Values = NDArray[np.float64]
LEARNED = "learned"
NEEDED = "needed"
DISTINCT = "distinct"
FEWEST_EXAMPLES = 200  # in the panel
UNSEEN = (STATUS[BOUND], STATUS[NONE])  # statuses of `needed` with which a layer cannot be compared
MODERATE = 5  # of CUTS, the first, that the answer must not depend on
BLOCKS, INSIDE = "block", "neurons"


@dataclass(frozen=True)
class Line:
    """One count over the layers of one family.

    count: "learned", "needed" or "distinct". family: "block", "neurons", or "" where layers of all kinds are compared.
    """

    count: str
    family: str
    layers: tuple[str, ...]  # in forward order
    values: tuple[float, ...]  # of these layers
    shape: str  # rises | falls | peaks | troughs | flat | undecided
    silent: str = ""  # why it cannot speak, where it cannot
    differs: str = ""  # at which other fidelity or cut it says something else

    @property
    def final(self) -> bool:
        """Whether units must not answer where this line cannot: all but where the answers go around the layers."""
        return bool(self.silent) and (self.count == LEARNED or any(self.values))

    @property
    def says(self) -> str:
        """earlier | later | middle | even | undecided."""
        return "undecided" if self.silent or self.differs else MEANS[self.shape]


def families(layers: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The layers that are compared with each other: outputs of blocks, then nonlinearities; all where both are few."""
    found = [(role, layers[layers["role"] == role]) for role in (BLOCKS, INSIDE)]
    enough = [(role, some) for role, some in found if len(some) >= FEWEST_LAYERS]
    both = all(len(some) for _, some in found)
    return enough if enough and both else [("", layers[layers["role"] != "output"])]


def asked(census: CensusRecord, count: str) -> pd.DataFrame:
    """The layers with a value of this count, or an empty table."""
    layers = census.layers
    return layers[layers[count].notna()] if count in layers else layers.iloc[:0]


def line(census: CensusRecord, count: str, family: str, layers: pd.DataFrame, trend: Trend) -> Line:
    """What `learned` or `needed` says of the layers of one family."""
    values = layers[count].to_numpy(dtype=np.float64)
    silent = _silent(census, count, layers, values)
    differs = "" if silent else _differs(census, count, layers, trend.shape)
    return Line(count, family, tuple(layers["layer"]), tuple(values.tolist()), trend.shape, silent, differs)


def _silent(census: CensusRecord, count: str, layers: pd.DataFrame, values: Values) -> str:
    """Why the count of these layers answers nothing; empty where it does."""
    if census.provenance.panel < FEWEST_EXAMPLES:
        return too_few(census.provenance.panel)
    if len(layers) < FEWEST_LAYERS:
        return f"only {number_of(len(layers), 'such layer', 'was', 'were')} asked and {FEWEST_LAYERS} are needed"
    unseen = [str(row["layer"]) for _, row in layers.iterrows() if row["needed_status"] in UNSEEN]
    if unseen:
        return f"what {some_of(unseen)} needs is bound by the examples (raise calibration and panel)"
    if census.provenance.looks_untrained.get("whole") and count == NEEDED:
        return "the weights look untrained, and what an untrained net rests on was not learned"
    if not values.any():
        nothing = {LEARNED: "another training run found none of them again beyond what untrained nets give"}
        return nothing.get(count, "the answers rest on none of these layers: what goes past them replaces them")
    return ""


def too_few(panel: int) -> str:
    """Why so few examples answer nothing."""
    kept = number_of(panel, "example", "was", "were")
    return f"only {kept} kept for the tests between units and {FEWEST_EXAMPLES} are needed"


def _differs(census: CensusRecord, count: str, layers: pd.DataFrame, shape: str) -> str:
    """At which other fidelities and cuts the shape is another one."""
    others = _of_learned(census, layers) if count == LEARNED else _of_needed(layers)
    changed = {name: MEANS[_shape(values)] for name, values in others.items() if _shape(values) != shape}
    if shape == "undecided" or not changed:
        return ""
    return some_of([f"{says} with {name}" for name, says in changed.items()])


def _shape(values: Values) -> str:
    return shape_of(values, float(np.abs(values).mean()))


def _of_needed(layers: pd.DataFrame) -> dict[str, Values]:
    columns = {"90 % of the answers": "needed_90", "99 % of the answers": "needed_99"}
    known = {name: layers[column] for name, column in columns.items() if layers[column].notna().all()}
    return {name: values.to_numpy(dtype=np.float64) for name, values in known.items()}


def _of_learned(census: CensusRecord, layers: pd.DataFrame) -> dict[str, Values]:
    """At every fidelity, and every moderate cut on r^2."""
    curves = [census.array(name, "learned_curve") for name in layers["layer"]]
    if any(curve is None for curve in curves):
        return {}
    whole = np.stack([np.asarray(curve, dtype=np.float64) for curve in curves])  # (layers, fidelities, cuts)
    return {
        _choices(fidelity, cut): whole[:, row, column]
        for row, fidelity in enumerate(FIDELITIES)
        for column, cut in enumerate(CUTS[:MODERATE])
        if not np.isnan(whole[:, row, column]).any()
    }


def _choices(fidelity: float, cut: float) -> str:
    """How much of the answers is held, and from which agreement on two runs share a direction."""
    return f"{100 * fidelity:.0f} % of the answers and r² {cut:.1f} between runs".replace("0.", ".")


def decisive(lines: Sequence[Line]) -> Line | None:
    """The line that answers: what was learned where that is known, else what is needed, else distinct units."""
    return next((each for each in lines if not each.silent), None)
