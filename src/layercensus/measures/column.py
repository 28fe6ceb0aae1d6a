"""What a column is: meaning, type, range, order, where it is shown; every table and chart is derived from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isinf
from typing import Any, Self

from ..errors import CensusError

LAST = 1000  # order of a column that does not say where it stands
NUMERIC = ("count", "number", "fraction", "dimension")
DTYPES = {
    "count": "Int64", "index": "Int64", "number": "Float64", "fraction": "Float64", "dimension": "Float64",
    "truth": "boolean", "text": "string", "sentence": "string", "choice": "string", "concept": "string",
    "ids": "object",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column of `layers` or `units`, declared by the measure that fills it.

    kind: "count" (integers: units, concepts, examples), "fraction" (of something, 0 to 1), "dimension", "number",
    "truth" (a boolean), "choice" (one of `choices`, given by its index, -1 for none), "index" (of a unit, -1 for none),
    "concept" (a named one, given by its number, -1 for none), "text" (a name) or "sentence" (words that may fill
    several lines). A column without a value is NA, never 0.

    >>> Column("third standardised moment over examples").described
    'third standardised moment over examples'
    """

    meaning: str
    unit: str = ""
    low: float = float("-inf")
    high: float = float("inf")
    source: str = ""
    scale_free: bool = True  # unchanged when a unit's responses are multiplied by a positive number
    kind: str = "number"
    integer: bool = False  # a number or dimension that is whole
    choices: tuple[str, ...] = ()
    order: int = LAST  # where it stands in its table, the lowest first
    table: bool = True  # False: later measures use it, no table has it
    twin: bool = True  # the untrained twin has its own, in twin_NAME
    compare: bool = True  # listed by a diff of two censuses where it differs
    over_depth: bool = True  # drawn over depth; a count of units is divided by the width there
    shown: bool = True  # in the main table of its page
    beside_twin: bool = False  # the twin's stands beside it in that table
    heading: str = ""  # over it in a table; its own name where empty
    terminal: str = ""  # heading in the terminal's table, which has it only where this is set
    legend: str = ""  # name in the chart of dimensions, which has it only where this is set
    bound_of: str = ""  # the column whose 95 % interval it ends: two columns, the lower end first
    with_units: str = "moves"  # how it goes with the order of the units: see testing/laws.py
    rare: bool = False  # counts what a layer of every kind of unit may lack: law tests do not ask for more than 0
    needs_twin: bool = False  # it rests on a comparison with the twin, which cannot be compared with itself
    resamples: str = ""  # name of the array with its values on resampled examples
    excess: bool = False  # its difference to the twin is reported
    trend: tuple[str, str] | None = None  # (measure, correction) under which the verdict reads its trend over depth

    def __post_init__(self) -> None:
        if self.kind not in DTYPES:
            raise CensusError(f"kind of a column must be one of {', '.join(DTYPES)}. Got {self.kind!r}.")
        if (self.kind == "choice") != bool(self.choices):
            raise CensusError(f"choices must be given with kind 'choice', and only there. Got kind {self.kind!r}.")

    @property
    def numeric(self) -> bool:
        """Whether its values can be subtracted and drawn over depth.

        >>> Column("live units", kind="count").numeric
        True
        """
        return self.kind in NUMERIC

    @property
    def dtype(self) -> str:
        """The type of its values in a table, as pandas names it.

        >>> Column("live units", "units", kind="count").dtype
        'Int64'
        """
        return "Int64" if self.integer else DTYPES[self.kind]

    @property
    def decimals(self) -> int:
        """How many of its decimals a table of few characters shows.

        >>> Column("live units", "units", kind="count").decimals
        0
        """
        return 0 if self.dtype == "Int64" else 1

    @property
    def per_unit(self) -> bool:
        """Whether it is a count that the width of a layer divides.

        >>> Column("live units", "units", kind="count").per_unit
        True
        """
        return self.kind == "count" and self.unit in ("units", "concepts")

    @property
    def extent(self) -> str:
        """Unit and range in few words.

        >>> Column("live units", "units", 0, kind="count").extent
        'units, 0 or more'
        """
        bounds = (
            "" if isinf(self.low) else f"{self.low:g} or more" if isinf(self.high) else f"{self.low:g} to {self.high:g}"
        )
        return ", ".join(filter(None, (self.unit, bounds)))

    @property
    def described(self) -> str:
        """Meaning, unit, range and source in one line, for a tooltip.

        >>> Column("live units", "units", 0, kind="count").described
        'live units [units, 0 or more]'
        """
        of = f" [{self.extent}]" if self.extent else ""
        return self.meaning + of + (f" ({self.source})" if self.source else "")

    def as_json(self) -> dict[str, Any]:
        """Everything that differs from the defaults, as JSON.

        >>> Column("live units", kind="count").as_json()
        {'meaning': 'live units', 'kind': 'count'}
        """
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {name: value for name, value in plain.items() if getattr(type(self), name, None) != _tuple(value)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The column whose `as_json` this was.

        >>> Column.from_json({"meaning": "live units", "kind": "count"}).dtype
        'Int64'
        """
        return cls(**{name: _tuple(value) for name, value in values.items()})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def interval(name: str, unit: str, order: int, *, kind: str = "number", scale_free: bool = True) -> dict[str, Column]:
    """The columns NAME_low and NAME_high: the 95 % interval of a column over examples."""
    ends = {"low": "lower", "high": "upper"}
    return {
        f"{name}_{end}": Column(
            f"{word} end of the 95 % interval over examples", unit, 0, scale_free=scale_free, kind=kind,
            order=order + place, compare=False, over_depth=False, shown=False, bound_of=name,
        )
        for place, (end, word) in enumerate(ends.items())
    }  # fmt: skip
