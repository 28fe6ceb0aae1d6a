"""A measure: one question asked of every layer, answered by a pure function of its tallies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

from torch import Tensor

from ..errors import CensusError, out_of_memory
from ..settings import Settings
from ..tally import Marks, Needs, Panel, Rows, Streams
from .column import Column


@dataclass(frozen=True)
class Evidence:
    """All that is known of one layer of one net.

    >>> import layercensus as lc
    >>> evidence = lc.testing.mixed_evidence()
    >>> evidence.width, len(evidence.panel)
    (24, 400)
    """

    width: int
    streams: Streams
    panel: Panel
    settings: Settings
    rarefy_to: int  # units drawn of every layer: see trend_layers.py
    of_trend: bool = False  # a trend over depth is read from this layer
    seed: int = 0
    classes: int = 0  # number of classes; 0 without labels
    replicas: tuple[Panel, ...] = ()  # the same layer in other training runs, same examples
    twin_eta2: Tensor | None = None  # (units,) of the untrained twin's layer
    needs: Needs | None = None  # what the answers rest on in this layer, where that was asked
    replica_needs: tuple[Needs | None, ...] = ()  # the same of each of `replicas`
    untrained: tuple[Rows, ...] = ()  # the same layer in untrained nets, the twin first; where replicas are given
    untrained_needs: tuple[Needs | None, ...] = ()  # of the first of them
    shuffled: tuple[Rows, ...] = ()  # in nets of its own weights, shuffled; where `untrained` were re-initialised
    shown: Tensor | None = None  # (views, units) reliability in other views, the count's own first, of maps last
    marks: tuple[Marks, ...] = ()  # which named concepts are in which examples, and where in them
    twin_arrays: Mapping[str, Tensor] = field(default_factory=dict)  # of the untrained twin's layer
    is_twin: bool = False  # this IS the untrained twin, held against its own quantile
    units: Mapping[str, Tensor] = field(default_factory=dict)  # per-unit results of earlier measures
    layer: Mapping[str, float] = field(default_factory=dict)  # per-layer results of earlier measures


@dataclass(frozen=True)
class Outcome:
    """What a measure returns; a value that does not apply is left out, never 0.

    >>> Outcome(layer={"skewed": 3}).units
    {}
    """

    layer: dict[str, Any] = field(default_factory=dict)  # numbers; words for columns of text
    units: dict[str, Tensor] = field(default_factory=dict)
    arrays: dict[str, Tensor] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # why a value is missing, for the layer's status


@dataclass(frozen=True)
class Measure:
    """A pure function of the evidence and a declaration of each column that it returns.

    compute: never draws, reads a file or calls a net; what does not apply is left out of the outcome.

    >>> import layercensus as lc
    >>> def compute(evidence: lc.Evidence) -> lc.Outcome:
    ...     return lc.Outcome(layer={"read": len(evidence.panel)})
    >>> mine = lc.Measure("read", compute, {"read": lc.Column("examples of the panel", "examples", 0, kind="count")})
    >>> mine.compute(lc.testing.mixed_evidence()).layer
    {'read': 400}
    """

    name: str
    compute: Callable[[Evidence], Outcome]
    layer_columns: Mapping[str, Column] = field(default_factory=dict)
    unit_columns: Mapping[str, Column] = field(default_factory=dict)


def measure(evidence: Evidence, measures: Sequence[Measure]) -> Outcome:
    """Everything the measures say of one layer, each seeing the results of those before it.

    Raises:
        CensusError: a measure returns a column that it does not declare, or values that do not fit it.
    """
    total = Outcome()
    for each in measures:
        outcome = _computed(each, evidence)
        _check(each, outcome, evidence.width, total.arrays)
        total = Outcome(
            total.layer | outcome.layer, total.units | outcome.units, total.arrays | outcome.arrays,
            total.notes + outcome.notes,
        )  # fmt: skip
        evidence = replace(evidence, units=total.units, layer=total.layer)
    return total


def _computed(measure: Measure, evidence: Evidence) -> Outcome:
    """What the measure gives; nothing, and a note, where this machine's memory did not suffice."""
    try:
        return measure.compute(evidence)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        return Outcome(notes=(f"{measure.name} left out: the memory of this machine did not suffice",))


def _check(measure: Measure, outcome: Outcome, width: int, arrays: Mapping[str, Tensor]) -> None:
    """Refuse what tables and arrays could not hold, in the name of the measure."""
    if not isinstance(outcome, Outcome):
        raise CensusError(f"The measure {measure.name!r} must return an Outcome. Got {type(outcome).__name__}.")
    for table, columns, returned in (
        ("layer_columns", measure.layer_columns, outcome.layer), ("unit_columns", measure.unit_columns, outcome.units),
    ):  # fmt: skip
        unknown = sorted(set(returned) - set(columns))
        if unknown:
            raise CensusError(f"The measure {measure.name!r} must declare its columns in {table}. Got {unknown[0]!r}.")
    for name, values in (outcome.units | outcome.arrays).items():
        if not isinstance(values, Tensor):
            raise CensusError(
                f"The measure {measure.name!r} must give {name!r} as a tensor. Got {type(values).__name__}."
            )
    for name, values in outcome.units.items():
        if values.shape != (width,):
            raise CensusError(
                f"The measure {measure.name!r} must give {name!r} for each of {width} units. "
                f"Got the shape {tuple(values.shape)}."
            )
    for name, value in outcome.layer.items():
        column = measure.layer_columns[name]
        if column.numeric and not isinstance(value, Real):
            raise CensusError(f"The measure {measure.name!r} must give a number as {name!r}. Got {value!r}.")
        if column.dtype == "Int64" and not float(value).is_integer():
            raise CensusError(f"The measure {measure.name!r} must give an integer as {name!r}. Got {value}.")
    taken = sorted(set(outcome.arrays) & set(arrays))
    if taken:
        raise CensusError(f"The measure {measure.name!r} must name its arrays anew. Got {taken[0]!r}, which is taken.")
