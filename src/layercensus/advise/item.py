"""One piece of advice with its measured effect, and what was not advised, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .cost import Cost
from .effect import Effect

EFFECT = ("fidelity", "low", "high", "agreement", "accuracy", "accuracy_before", "examples")


@dataclass(frozen=True)
class Item:
    """What can be done to one layer, and what that does to the answers."""

    layer: str
    what: str  # "dead", "dead and duplicate", "not needed", "rank 12", "remove"
    asked: float  # the fidelity that it must hold
    before: int  # units, or parameters of the layer
    after: int
    effect: Effect


@dataclass(frozen=True)
class Together:
    """All of one part done at once: a net that runs."""

    what: str  # "prune" or "compress"
    asked: float
    layers: int  # that were changed
    effect: Effect
    before: Cost
    after: Cost


@dataclass(frozen=True)
class Withheld:
    """What was tried and does not hold, or could not be tried."""

    part: str
    layer: str  # "" where it concerns all of them
    why: str


def table_of_items(items: Sequence[Item]) -> pd.DataFrame:
    """A row for each."""
    rows = [
        {"layer": one.layer, "what": one.what, "asked": one.asked, "before": one.before, "after": one.after}
        | one.effect.row()
        for one in items
    ]
    return pd.DataFrame(rows, columns=["layer", "what", "asked", "before", "after", *EFFECT])


def table_of_all(together: Sequence[Together]) -> pd.DataFrame:
    """A row for each."""
    rows = [
        {"what": one.what, "asked": one.asked, "layers": one.layers} | _costs(one) | one.effect.row()
        for one in together
    ]
    costs = [f"{name}{when}" for name in ("parameters", "flops", "seconds") for when in ("_before", "")]
    return pd.DataFrame(rows, columns=["what", "asked", "layers", *costs, *EFFECT])


def table_of_withheld(withheld: Sequence[Withheld]) -> pd.DataFrame:
    """A row for each."""
    return pd.DataFrame([one.__dict__ for one in withheld], columns=["part", "layer", "why"])


def _costs(one: Together) -> dict[str, Any]:
    before = {f"{name}_before": value for name, value in one.before.__dict__.items()}
    return before | dict(one.after.__dict__)


def misses(effect: Effect, asked: float) -> str:
    """Why an item is not given."""
    return f"on verifying examples it keeps {effect.fidelity:.3f} of the answers, not {asked:g}"
