"""A measure: one question asked of every layer, answered by a pure function of its tallies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isinf

from torch import Tensor

from ..settings import Settings
from ..tally import Panel, Streams


@dataclass(frozen=True)
class Column:
    """What a number means: feeds the tooltips, the documents and the law tests."""

    meaning: str
    unit: str = ""
    low: float = float("-inf")
    high: float = float("inf")
    source: str = ""
    scale_free: bool = True  # unchanged when a unit's responses are multiplied by a positive number

    @property
    def described(self) -> str:
        """Meaning, unit, range and source in one line, for a tooltip."""
        bounds = (
            "" if isinf(self.low) else f"{self.low:g} or more" if isinf(self.high) else f"{self.low:g} to {self.high:g}"
        )
        of = ", ".join(filter(None, (self.unit, bounds)))
        return self.meaning + (f" [{of}]" if of else "") + (f" ({self.source})" if self.source else "")


@dataclass(frozen=True)
class Evidence:
    """All that is known of one layer of one net."""

    width: int
    streams: Streams
    panel: Panel
    settings: Settings
    rarefy_to: int  # width of the narrowest counted hidden layer
    seed: int = 0
    classes: int = 0  # number of classes; 0 without labels
    replicas: tuple[Panel, ...] = ()  # the same layer in other training runs, same examples
    twin_eta2: Tensor | None = None  # (units,) of the untrained twin's layer
    is_twin: bool = False  # this IS the untrained twin, held against its own quantile
    units: Mapping[str, Tensor] = field(default_factory=dict)  # per-unit results of earlier measures
    layer: Mapping[str, float] = field(default_factory=dict)  # per-layer results of earlier measures


@dataclass(frozen=True)
class Outcome:
    """What a measure returns; a value that does not apply is left out, never 0."""

    layer: dict[str, float] = field(default_factory=dict)
    units: dict[str, Tensor] = field(default_factory=dict)
    arrays: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """A pure function of the evidence and the meaning of each column that it returns."""

    name: str
    compute: Callable[[Evidence], Outcome]
    layer_columns: Mapping[str, Column] = field(default_factory=dict)
    unit_columns: Mapping[str, Column] = field(default_factory=dict)
