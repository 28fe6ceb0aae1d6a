"""The tables' columns: what the measures declare, and the few that every table has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import pandas as pd

from ..count.nets import TRAINED, TWIN
from ..errors import CensusError
from ..measures import MEASURES, Column, Measure

TOPS = ("top", "top_mean")  # of a unit, by peak and by mean
RESERVED = ("net", *TOPS)  # of the tables themselves
PREFIX = "twin_"  # before the name of a column: the untrained twin's


def twin_of(name: str) -> str:
    """The name of the untrained twin's own column."""
    return f"{PREFIX}{name}"


def of_net(name: str, net: str) -> str:
    """The name of a column of `layers` for "trained" or "twin"."""
    return name if net == TRAINED else twin_of(name)


def resamples_of(array: str) -> str:
    """The name of the array with a column's values on resampled examples. array: its `Column.resamples`."""
    return f"{array}_resamples"


def intervals(columns: Mapping[str, Column]) -> dict[str, tuple[str, str]]:
    """The columns with the lower and the upper end of the 95 % interval of each that has one."""
    ends: dict[str, list[str]] = {}
    for name, column in columns.items():
        if column.bound_of:
            ends.setdefault(column.bound_of, []).append(name)
    return {name: (both[0], both[1]) for name, both in ends.items() if len(both) == 2}


def _frame(meaning: str, order: int, kind: str = "text", *, shown: bool = True, compare: bool = False) -> Column:
    return Column(meaning, kind=kind, order=order, twin=False, compare=compare, over_depth=False, shown=shown)


FRAME = {
    "layer": _frame("dotted name; a module's second call in one pass is name@1", 0),
    "depth": replace(
        _frame("position in the forward order, 0 first, 1 last", 10, "fraction", shown=False), low=0, high=1
    ),
    "kind": _frame("class of the module, or the function, whose output is counted", 20),
    "role": _frame("neurons (after a nonlinearity), block (residual or transformer block), output (last layer)", 30),
    "width": replace(
        _frame("number of units: channels, features or hidden units", 40, "count", compare=True), unit="units", low=1
    ),
    "status": _frame("count; or why the number is only a bound or no evidence", 50, "sentence"),
    "dimension_status": _frame(
        "estimate; or why the nonlinear dimension is a lower bound or none", 420, "sentence", shown=False
    ),
}
UNIT_FRAME = {
    "layer": _frame("dotted name; a module's second call in one pass is name@1", 0, shown=False),
    "unit": replace(_frame("index along the layer's unit axis", 10, "index"), low=0),
    "top": replace(
        _frame(
            "ids of the examples with the highest peak, highest first; empty for a dead unit", 120, "ids", shown=False
        ),
        heading="top examples",
    ),
    "top_mean": replace(
        _frame(
            "ids of the examples with the highest spatial mean, highest first; empty for a dead unit",
            121,
            "ids",
            shown=False,
        ),
        heading="top examples by mean",
    ),
}


@dataclass(frozen=True)
class Columns:
    """Every column of `layers` and `units` by its name, in the order of the table; the twin's are derived."""

    layers: Mapping[str, Column]
    units: Mapping[str, Column]

    @classmethod
    def of(cls, measures: Sequence[Measure]) -> Self:
        """Those that the measures declare.

        Raises:
            CensusError: no measures; those of the package are not among them; one name twice, or a reserved one.
        """
        _check(measures)
        return cls(
            _ordered(FRAME, [(m.name, m.layer_columns) for m in measures]),
            _ordered(UNIT_FRAME, [(m.name, m.unit_columns) for m in measures]),
        )

    def where(self, chosen: Callable[[Column], Any]) -> dict[str, Column]:
        """The columns of `layers` for which `chosen` is true."""
        return {name: column for name, column in self.layers.items() if chosen(column)}

    def table(self, twin: bool) -> dict[str, Column]:
        """The columns of `layers`, with a twin followed by the twin's own."""
        return {**self.layers, **(self.twins if twin else {})}

    @property
    def twins(self) -> dict[str, Column]:
        """The twin's columns."""
        own = {name: column for name, column in self.layers.items() if column.twin}
        return {
            twin_of(name): replace(column, bound_of=twin_of(column.bound_of)) if column.bound_of else column
            for name, column in own.items()
        }

    @property
    def meanings(self) -> dict[str, Column]:
        """Every column of `layers`, the twin's among them."""
        return self.table(True)

    @property
    def intervals(self) -> dict[str, tuple[str, str]]:
        """The ends of the interval of every column of `layers` that has one, the twin's among them."""
        return intervals(self.meanings)

    @property
    def numbers(self) -> list[str]:
        """The measured columns of the main table of `layers`, each followed by its interval and its twin's."""
        own, ends = self.where(lambda column: column.shown and column.twin and column.numeric), self.intervals
        return [of_net(each, net) for name in own for each in (name, *ends.get(name, ())) for net in (TRAINED, TWIN)]

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            "layers": {name: column.as_json() for name, column in self.layers.items()},
            "units": {name: column.as_json() for name, column in self.units.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Mapping[str, Any]]) -> Self:
        """The columns whose `as_json` this was."""
        layers, units = (
            {name: Column.from_json(column) for name, column in values[table].items()} for table in ("layers", "units")
        )
        return cls(layers, units)


def _check(measures: Sequence[Measure]) -> None:
    """Refuse measures that no table could be made of."""
    strange = (
        next((m for m in measures if not isinstance(m, Measure)), None) if isinstance(measures, Sequence) else measures
    )
    if strange is not None:
        got = type(strange).__name__
        raise CensusError(f"measures must be a sequence of layercensus.Measure. Got {got}.")
    names = [m.name for m in measures]
    missing = [m.name for m in MEASURES if m.name not in names]
    if missing:
        raise CensusError(
            f"measures must hold those of the package, on which the tables rest: (*layercensus.MEASURES, mine). "
            f"Got none of {', '.join(missing)}."
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise CensusError(f"Measures must have names of their own. Got {twice!r} twice.")
    for m in measures:
        reserved = [n for n in (*m.layer_columns, *m.unit_columns) if n in RESERVED or n.startswith(PREFIX)]
        if reserved:
            raise CensusError(
                f"A column must not be called {', '.join(RESERVED)} or {PREFIX}..., which the tables use. "
                f"Got {reserved[0]!r} from the measure {m.name!r}."
            )
        if any(column.kind == "ids" for column in (*m.layer_columns.values(), *m.unit_columns.values())):
            raise CensusError(f"A column of ids cannot be declared. Got one from the measure {m.name!r}.")


def _ordered(frame: Mapping[str, Column], declared: Sequence[tuple[str, Mapping[str, Column]]]) -> dict[str, Column]:
    every: dict[str, Column] = dict(frame)
    for measure, columns in declared:
        repeated = sorted(set(columns) & set(every))
        if repeated:
            raise CensusError(
                f"A column must be declared once. Got {repeated[0]!r} again from the measure {measure!r}."
            )
        every |= columns
    in_table = {name: column for name, column in every.items() if column.table}
    return dict(sorted(in_table.items(), key=lambda item: item[1].order))


def typed(table: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """The columns in their order and types; what was not measured is NA."""
    missing = pd.Series([None] * len(table), dtype=object)
    return pd.DataFrame({name: _typed(table.get(name, missing), column) for name, column in columns.items()})


def _typed(values: pd.Series[Any], column: Column) -> pd.Series[Any]:
    if column.kind == "ids":
        return values
    if column.kind in ("text", "sentence"):
        return values.astype(object).where(values.notna(), "").astype("string")
    if column.kind == "concept":
        return values.astype("string")
    if column.kind == "choice":
        return values.map(lambda value: _chosen(value, column)).astype("string")
    if column.dtype == "Int64":
        return values.astype("Float64").astype("Int64")
    return values.astype(column.dtype)


def _chosen(value: Any, column: Column) -> Any:
    """The word of a choice that is given by its index; words stay, -1 is none."""
    if isinstance(value, str) or value is None or pd.isna(value):
        return value
    return column.choices[int(value)] if int(value) >= 0 else None
