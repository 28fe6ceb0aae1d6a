"""Do earlier or later layers hold, and learn, more? The answer, with its uncertainty, read off a census."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..census.columns import of_net, resamples_of, twin_of
from ..census.record import CensusRecord
from ..count.nets import TRAINED, TWIN
from ..errors import some_of
from ..measures.distinct_status import COVERED
from ..measures.trend_layers import FEWEST_LAYERS
from .compared import FEWEST_COMPARED, compared, hidden
from .details import NOTHING_TO_COMPARE, details
from .lines import FEWEST_EXAMPLES, LEARNED, NEEDED, Line, asked, decisive, families, line, too_few
from .sensitivity import otherwise, sensitivity_of
from .trend import Trend, Untrained, trend
from .verdict import MEANS, Verdict
from .wording import FAMILIES, paragraph

NO_COURSE = "the count of distinct units takes no course over depth that is rare among layers in random order"
DIRECTIONS = "directions"  # the correction of counts that do not follow the width
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One column over the hidden layers, for the trained net and its twin."""

    trained: Values  # (layers,)
    replicates: Values  # (bootstrap replicates, layers)
    twin: Values | None = None
    twin_replicates: Values | None = None
    untrained: Untrained | None = None


def judge(census: CensusRecord) -> Verdict:
    """The verdict on a census: on what was learned where replicas tell it, else on what the net needs.

    Where neither was asked, on distinct units in a rarefied count and their excess over the twin, which must agree with
    the raw count; where the width decides that count it answers nothing.
    """
    layers = hidden(census.layers)
    table = _table(census, layers)
    twin = census.has_twin
    reasons = _too_little(census, layers)
    sensitivity = {} if reasons else sensitivity_of(census, layers, twin)
    lines = _lines(census)
    chosen = decisive(lines)
    if chosen is None:
        reasons = reasons or [each.silent for each in lines if each.final]
        answer, reasons = _by_units(census, table, layers, sensitivity, reasons)
    else:
        answer = chosen.says
        reasons = [f"the answer would be {chosen.differs}"] if chosen.differs else []
    verdict = Verdict(answer, table, tuple(dict.fromkeys(reasons)), sensitivity, tuple(lines))
    return replace(
        verdict, text=paragraph(census, verdict, chosen, layers), details=details(census, verdict, layers, twin)
    )  # fmt: skip


def _by_units(
    census: CensusRecord, table: pd.DataFrame, layers: pd.DataFrame, sensitivity: Mapping[str, str], reasons: list[str]
) -> tuple[str, list[str]]:
    """What distinct units say where no count of directions can speak, and why it is not more definite."""
    twin = census.has_twin
    answer = "undecided" if reasons else _answer(table, twin)
    bound = _width_bound(layers)
    if answer == "undecided":
        return answer, reasons or [_bound_by(bound) if 2 * len(bound) >= len(layers) else NO_COURSE]
    if answer != "even" and 2 * len(bound) >= len(layers):
        return "undecided", [_bound_by(bound)]
    if answer != "even" and twin and not _gained(layers):
        return "undecided", ["no hidden layer holds more distinct units, among equally many, than its untrained twin"]
    other = otherwise(sensitivity, answer)
    return ("undecided", [f"the distinct units would say {other}"]) if other else (answer, [])


def _bound_by(layers: list[str]) -> str:
    return f"the width decides the count of distinct units in {some_of(layers)}"


def _width_bound(layers: pd.DataFrame) -> list[str]:
    """The layers in which most units are the only one of their kind."""
    if "coverage" not in layers:
        return []
    bound = layers["coverage"].astype("Float64") < COVERED
    return [str(name) for name in layers["layer"][bound.fillna(False)]]


def _lines(census: CensusRecord) -> list[Line]:
    """What each count of directions says of each family of layers that was asked."""
    found = []
    for count in (LEARNED, NEEDED):
        known = asked(census, count)
        for family, layers in families(known):
            if len(layers):
                found.append(line(census, count, family, layers, _trend_of(census, count, layers)))
    return found


def _trend_of(census: CensusRecord, count: str, layers: pd.DataFrame) -> Trend:
    series = _series(census, layers, count, census.columns.layers[count].resamples)
    assert series is not None  # the layers are those with a value
    return trend(series.trained, series.replicates, float(np.abs(series.trained).mean()))


def _too_little(census: CensusRecord, layers: pd.DataFrame) -> list[str]:
    reasons, panel = [], census.provenance.panel
    if len(layers) < FEWEST_COMPARED:
        reasons.append(NOTHING_TO_COMPARE)
    elif len(layers) < FEWEST_LAYERS:
        reasons.append(f"only {len(layers)} hidden layers were counted and {FEWEST_LAYERS} are needed")
    if panel < FEWEST_EXAMPLES:
        reasons.append(too_few(panel))
    elif "distinct" in layers and len(layers) >= FEWEST_COMPARED:
        names = [str(name) for name in layers["layer"][layers["distinct"].isna()]]
        reasons += [_not_counted(names)] if names else []
    return reasons


def _not_counted(names: list[str]) -> str:
    which = f"layer{'s' if len(names) > 1 else ''} {some_of(names)}"
    return f"the distinct units of {which} were not counted, for the reason in the status there"


def _gained(layers: pd.DataFrame) -> bool:
    """Whether training added a concept to any layer: a loss that grows with depth is no learning before it."""
    own, twin = (layers[of_net("distinct_rarefied", net)].astype(float) for net in (TRAINED, TWIN))
    excess = own - twin
    return bool((excess > 0).any())


def _answer(table: pd.DataFrame, twin: bool) -> str:
    """What the width-corrected and the raw count agree on; with a twin, both in excess of it."""
    columns = zip(table["measure"], table["correction"], table["says"], strict=True)
    says: dict[tuple[str, str], str] = {(m, c): s for m, c, s in columns}
    rarefied = says.get(("distinct", "rarefied, minus twin" if twin else "rarefied"), "undecided")
    raw = says.get(("distinct", "raw, minus twin" if twin else "raw"), "undecided")
    own = says.get(("distinct", "rarefied"), "undecided")
    opposite = {"earlier": "later", "later": "earlier"}
    if rarefied != raw or own == opposite.get(rarefied):
        return "undecided"
    return rarefied


class Row(NamedTuple):
    """One trend over depth, as a row of the verdict's table."""

    measure: str
    correction: str
    tau: float
    tau_low: float
    tau_high: float
    shape: str
    says: str
    agreement: float
    layers: int
    p_untrained: float


def _table(census: CensusRecord, layers: pd.DataFrame) -> pd.DataFrame:
    """A row for each column that declares a trend, in every correction that it allows; none for a single layer."""
    rows: list[Row] = [_direction_row(census, count, family, some) for count, family, some in _asked_layers(census)]
    if len(layers) < FEWEST_COMPARED:
        return pd.DataFrame(rows, columns=list(Row._fields))
    for name, column in census.columns.where(lambda column: column.trend).items():
        some = compared(census, layers, name)
        series = _series(census, some, name, column.resamples)
        if series is None or column.trend is None:
            continue
        measure, correction = column.trend
        if correction == DIRECTIONS:
            continue
        for corrected, (values, replicates, level, untrained) in _corrected(series, correction, some).items():
            rows.append(_row(measure, corrected, trend(values, replicates, level, untrained)))
    return pd.DataFrame(rows, columns=list(Row._fields))


def _asked_layers(census: CensusRecord) -> Iterator[tuple[str, str, pd.DataFrame]]:
    for count in (LEARNED, NEEDED):
        for family, some in families(asked(census, count)):
            if len(some) >= FEWEST_COMPARED:
                yield count, family, some


def _direction_row(census: CensusRecord, count: str, family: str, layers: pd.DataFrame) -> Row:
    return _row(count, FAMILIES[family], _trend_of(census, count, layers))


def _row(measure: str, correction: str, t: Trend) -> Row:
    return Row(measure, correction, t.tau, t.low, t.high, t.shape, MEANS[t.shape], t.agreement, t.layers, t.p_untrained)


Corrected = dict[str, tuple[Values, Values, float, Untrained | None]]


def _corrected(series: Series, correction: str, layers: pd.DataFrame) -> Corrected:
    """The series itself and minus its twin; a raw count also per unit, a corrected one also of the twin alone."""
    rows = _minus_twin(correction, series)
    if correction == "raw":
        return rows | _minus_twin("per unit", _scaled(series, layers["width"].to_numpy(dtype=np.float64)))
    if series.twin is not None and series.twin_replicates is not None:
        rows[f"{correction}, twin alone"] = (series.twin, series.twin_replicates, float(series.twin.mean()), None)
    return rows


def _minus_twin(name: str, s: Series) -> Corrected:
    rows: Corrected = {name: (s.trained, s.replicates, float(np.abs(s.trained).mean()), None)}
    if s.twin is not None and s.twin_replicates is not None:
        level = float((np.abs(s.trained).mean() + np.abs(s.twin).mean()) / 2)
        common = min(len(s.replicates), len(s.twin_replicates))
        excess = s.replicates[:common] - s.twin_replicates[:common]
        rows[f"{name}, minus twin"] = (s.trained - s.twin, excess, level, s.untrained)
    return rows


def _scaled(s: Series, width: Values) -> Series:
    twin = None if s.twin is None else s.twin / width
    replicates = None if s.twin_replicates is None else s.twin_replicates / width
    untrained = None if s.untrained is None else Untrained(s.untrained.net / width, s.untrained.nets / width)
    return Series(s.trained / width, s.replicates / width, twin, replicates, untrained)


def _series(census: CensusRecord, layers: pd.DataFrame, column: str, array: str) -> Series | None:
    """Values and replicates of a column; one without replicates gets no uncertainty over examples."""
    if column not in layers or layers[column].isna().any():
        return None
    trained = layers[column].to_numpy(dtype=np.float64)
    own = _replicates(census, layers, array, TRAINED, trained)
    other = twin_of(column)
    if other not in layers or layers[other].isna().any():
        return Series(trained, own)
    twin = layers[other].to_numpy(dtype=np.float64)
    return Series(
        trained, own, twin, _replicates(census, layers, array, TWIN, twin), _untrained(census, layers, column)
    )


def _untrained(census: CensusRecord, layers: pd.DataFrame, column: str) -> Untrained | None:
    """The count on a few examples, of the net and of several untrained ones; None where there is only one."""
    net, nets = (counts.get(column, {}) for counts in (census.untrained.trained, census.untrained.nets))
    names = list(layers["layer"])
    if any(name not in net or name not in nets for name in names):
        return None
    return Untrained(
        np.array([net[name] for name in names], dtype=np.float64),
        np.array([nets[name] for name in names], dtype=np.float64).T,
    )


def _replicates(census: CensusRecord, layers: pd.DataFrame, array: str, net: str, values: Values) -> Values:
    arrays = [census.array(name, resamples_of(array), net) for name in layers["layer"]]
    if any(a is None for a in arrays):
        return np.tile(values, (2, 1))
    common = min(len(a) for a in arrays if a is not None)  # wide layers of many near pairs have fewer
    return np.stack([np.asarray(a, dtype=np.float64)[:common] for a in arrays], axis=1)
