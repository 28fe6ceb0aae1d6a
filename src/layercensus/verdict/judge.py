"""Do earlier or later layers hold, and learn, more? The answer, with its doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..census.record import CensusRecord
from ..settings import RELIABILITY_GRID, TAU_GRID
from .trend import Trend, Untrained, course, trend
from .verdict import MEANS, Verdict
from .wording import paragraph

FEWEST_LAYERS = 4
FEWEST_EXAMPLES = 200
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """One measure over the hidden layers, for the trained net and its twin."""

    trained: Values  # (layers,)
    resamples: Values  # (resamples, layers)
    twin: Values | None = None
    twin_resamples: Values | None = None
    untrained: Untrained | None = None


def judge(census: CensusRecord) -> Verdict:
    """The verdict on a census. It rests on distinct units in a fair draw and their excess over the twin.

    Raw counts alone never decide: an answer needs the count and the width-corrected count to agree.
    """
    layers = hidden(census.layers)
    table = _table(census, layers)
    twin = census.has_twin
    reasons = _too_little(census, layers)
    flips = {} if reasons else _flips(census, layers, twin)
    answer = "undecided" if reasons else _answer(table, twin)
    if twin and answer in ("earlier", "later", "middle") and not _gained(layers):
        answer = "undecided"
        reasons.append("no hidden layer holds more distinct units in a fair draw than its untrained twin")
    verdict = Verdict(answer, table, tuple(reasons), flips)
    return replace(verdict, text=paragraph(census, verdict, layers, twin))


def hidden(layers: pd.DataFrame) -> pd.DataFrame:
    """The rows that a trend is read from: the nonlinearities' outputs, or all hidden layers where these are few.

    Blocks are sums of what the neurons write, and alternating the two kinds would draw a zigzag.
    """
    neurons = layers[layers["role"] == "neurons"]
    return neurons if len(neurons) >= FEWEST_LAYERS else layers[layers["role"] != "output"]


def _too_little(census: CensusRecord, layers: pd.DataFrame) -> list[str]:
    reasons = []
    if len(layers) < FEWEST_LAYERS:
        reasons.append(f"only {len(layers)} hidden layers were counted and {FEWEST_LAYERS} are needed")
    if census.about["panel"] < FEWEST_EXAMPLES:
        reasons.append(f"only {census.about['panel']} examples are in the panel and {FEWEST_EXAMPLES} are needed")
    return reasons


def _gained(layers: pd.DataFrame) -> bool:
    """Whether training added a concept to any layer: a loss that grows with depth is no learning before it."""
    excess = layers["distinct_rarefied"].astype(float) - layers["twin_distinct_rarefied"].astype(float)
    return bool((excess > 0).any())


def _answer(table: pd.DataFrame, twin: bool) -> str:
    """What the width-corrected and the raw count agree on; with a twin, both in excess of it."""
    columns = zip(table["measure"], table["correction"], table["says"], strict=True)
    says: dict[tuple[str, str], str] = {(m, c): s for m, c, s in columns}
    fair = says.get(("distinct", "rarefied, minus twin" if twin else "rarefied"), "undecided")
    raw = says.get(("distinct", "raw, minus twin" if twin else "raw"), "undecided")
    held = says.get(("distinct", "rarefied"), "undecided")
    opposite = {"earlier": "later", "later": "earlier"}
    if fair != raw or held == opposite.get(fair):
        return "undecided"
    return fair


def _table(census: CensusRecord, layers: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for measure, corrections in _courses(census, layers).items():
        for correction, (values, resamples, level, untrained) in corrections.items():
            rows.append(_row(measure, correction, trend(values, resamples, level, untrained)))
    columns = [
        "measure", "correction", "tau", "tau_low", "tau_high", "shape", "says", "agreement", "layers", "p_untrained",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _row(measure: str, correction: str, t: Trend) -> dict[str, object]:
    return {
        "measure": measure, "correction": correction, "tau": t.tau, "tau_low": t.low, "tau_high": t.high,
        "shape": t.shape, "says": MEANS[t.shape], "agreement": t.agreement, "layers": t.layers,
        "p_untrained": t.p_untrained,
    }  # fmt: skip


Corrected = dict[str, tuple[Values, Values, float, Untrained | None]]


def _courses(census: CensusRecord, layers: pd.DataFrame) -> dict[str, Corrected]:
    width = layers["width"].to_numpy(dtype=np.float64)
    found: dict[str, Corrected] = {}
    for measure in ("distinct", "reliable", "informative", "replicated"):
        raw = _course(census, layers, measure, measure)
        if raw is None:
            continue
        found[measure] = _corrected("raw", raw) | _corrected("per unit", _scaled(raw, width))
        fair = _course(census, layers, "distinct_rarefied", "rarefied") if measure == "distinct" else None
        if fair is not None:
            found[measure] |= _corrected("rarefied", fair)
            if fair.twin is not None and fair.twin_resamples is not None:
                found[measure]["rarefied, twin alone"] = (fair.twin, fair.twin_resamples, float(fair.twin.mean()), None)
    return found


def _corrected(name: str, c: Course) -> Corrected:
    out: Corrected = {name: (c.trained, c.resamples, float(np.abs(c.trained).mean()), None)}
    if c.twin is not None and c.twin_resamples is not None:
        level = float((np.abs(c.trained).mean() + np.abs(c.twin).mean()) / 2)
        kept = min(len(c.resamples), len(c.twin_resamples))
        excess = c.resamples[:kept] - c.twin_resamples[:kept]
        out[f"{name}, minus twin"] = (c.trained - c.twin, excess, level, c.untrained)
    return out


def _scaled(c: Course, width: Values) -> Course:
    twin = None if c.twin is None else c.twin / width
    again = None if c.twin_resamples is None else c.twin_resamples / width
    untrained = None if c.untrained is None else Untrained(c.untrained.net / width, c.untrained.nets / width)
    return Course(c.trained / width, c.resamples / width, twin, again, untrained)


def _course(census: CensusRecord, layers: pd.DataFrame, column: str, array: str) -> Course | None:
    """Values and resamples of one measure; a measure without resamples is taken as it is, without doubt of examples."""
    if column not in layers or layers[column].isna().any():
        return None
    trained = layers[column].to_numpy(dtype=np.float64)
    own = _resamples(census, layers, array, "trained", trained)
    other = f"twin_{column}"
    if other not in layers or layers[other].isna().any():
        return Course(trained, own)
    twin = layers[other].to_numpy(dtype=np.float64)
    again = _resamples(census, layers, array, "twin", twin)
    return Course(trained, own, twin, again, _untrained(census, layers, array))


def _untrained(census: CensusRecord, layers: pd.DataFrame, array: str) -> Untrained | None:
    """The count on a few examples, of the net and of several untrained ones; None where only one was made."""
    net = [census.array(name, array, "few") for name in layers["layer"]]
    nets = [census.array(name, array, "spread") for name in layers["layer"]]
    if any(v is None for v in (*net, *nets)):
        return None
    return Untrained(
        np.array([float(v[0]) for v in net if v is not None]), np.stack([v for v in nets if v is not None], axis=1)
    )


def _resamples(census: CensusRecord, layers: pd.DataFrame, array: str, net: str, values: Values) -> Values:
    found = [census.array(name, f"{array}_resamples", net) for name in layers["layer"]]
    if any(f is None for f in found):
        return np.tile(values, (2, 1))
    kept = min(len(f) for f in found if f is not None)  # wide layers of many near pairs have fewer
    return np.stack([np.asarray(f, dtype=np.float64)[:kept] for f in found], axis=1)


def _flips(census: CensusRecord, layers: pd.DataFrame, twin: bool) -> dict[str, str]:
    """What the width-corrected count would say at other cuts, read off the shape alone, by "tau .8" and so on."""
    said = {}
    at_r, at_tau = place_of_cuts(census)
    for i, cut in enumerate(RELIABILITY_GRID):
        said[f"reliability {cut:.1f}"] = _at(census, layers, i, at_tau, twin)
    for j, tau in enumerate(TAU_GRID):
        said[f"tau {tau:.2f}"] = _at(census, layers, at_r, j, twin)
    said["here"] = _at(census, layers, at_r, at_tau, twin)
    return said


def answers(census: CensusRecord) -> list[list[str]]:
    """What the fair draw's shape alone says at every pair of cuts: a row per reliability cut, a column per tau."""
    layers = hidden(census.layers)
    twin = census.has_twin
    return [[_at(census, layers, i, j, twin) for j in range(len(TAU_GRID))] for i in range(len(RELIABILITY_GRID))]


def place_of_cuts(census: CensusRecord) -> tuple[int, int]:
    """Where on the grid the census's own cuts are, or the nearest to them: reliability, tau."""
    return _nearest(census, "reliability", RELIABILITY_GRID), _nearest(census, "tau", TAU_GRID)


def _nearest(census: CensusRecord, setting: str, grid: Sequence[float]) -> int:
    """Place on the grid of the cut that the census was taken with."""
    cut = census.about["settings"][setting]
    return min(range(len(grid)), key=lambda i: abs(grid[i] - cut))


def _at(census: CensusRecord, layers: pd.DataFrame, i: int, j: int, twin: bool) -> str:
    def values(net: str) -> Values:
        grids = [census.array(name, "rarefied_grid", net) for name in layers["layer"]]
        return np.array([np.nan if g is None else g[i, j] for g in grids], dtype=np.float64)

    own = values("trained")
    other = values("twin") if twin else np.zeros(len(own))
    if np.isnan(own).any() or np.isnan(other).any():
        return "undecided"
    level = (np.abs(own).mean() + np.abs(other).mean()) / (2 if twin else 1)
    return MEANS[course(own - other, float(level))]
