"""What is known of one unit, in sentences: what it is called, why, and what the net does with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ..errors import some_of

SAME = {"same": "repeats", "negated": "repeats, with the other sign,", "monotone": "repeats, on a bent scale,"}


def sentences(unit: Mapping[str, Any], repeated_by: list[str]) -> str:
    """The evidence on a unit, a row of `units`. repeated_by: the units that it represents, without itself.

    >>> row = {"unit": 3, "fate": "distinct", "representative": 3, "reliability": .91, "firing_rate": 1.0}
    >>> sentences(row, ["7"])
    'Distinct: 91 % of its variance is the same in a second view; repeated by unit 7.'
    """
    return " ".join(_parts({name: None if _missing(value) else value for name, value in unit.items()}, repeated_by))


def _parts(unit: Mapping[str, Any], repeated_by: list[str]) -> Iterator[str]:
    yield _fate(unit, repeated_by)
    if unit["fate"] == "dead":
        return
    if unit.get("shift_of") is not None:
        yield f"At other positions it says what unit {unit['shift_of']} says."
    if unit.get("concept") is not None and unit.get("concept_auc") is not None:
        yield f"It tells {unit['concept']} (AUC {unit['concept_auc']:.2f})."
    if unit.get("informative"):
        yield f"It tells the classes apart: {unit['eta2']:.0%} of its variance lies between them.".replace("%", " %")
    if unit.get("replicated") is not None:
        yield "Every other training run has it too." if unit["replicated"] else "Not every other training run has it."
    if unit.get("needed_at") is not None:
        yield f"With the units that the answers need more, it holds {_percent(unit['needed_at'])} of them."
    rate = unit.get("firing_rate")
    if rate is not None and rate < 1:
        yield f"Above zero in {_percent(rate)} of the examples."


def _fate(unit: Mapping[str, Any], repeated_by: list[str]) -> str:
    fate, reliable = unit["fate"], unit.get("reliability")
    if fate == "dead":
        return "Dead: it never varied on these examples."
    if fate is None:
        return "Too rare among these examples to be judged."
    same = "" if reliable is None else f"{_percent(max(0.0, reliable))} of its variance is the same in a second view"
    if fate == "noise":
        return f"Noise: only {same}." if same else "Noise: a second view does not reproduce it."
    if fate == "duplicate":
        how = SAME.get(str(unit.get("relation")), "repeats")
        return f"Duplicate: it {how} unit {unit['representative']}" + (f"; {same}." if same else ".")
    also = f"repeated by unit{'s' if len(repeated_by) > 1 else ''} {some_of(repeated_by)}" if repeated_by else ""
    return "Distinct: " + "; ".join(filter(None, (same, also or "no other unit repeats it"))) + "."


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %" if fraction >= 0.01 or fraction == 0 else f"{100 * fraction:.1g} %"


def _missing(value: Any) -> bool:
    return value is None or (not isinstance(value, (tuple, list)) and bool(pd.isna(value)))
