"""Whether the net uses the units that the funnel calls dead, noise or duplicate, as taking them out has shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ..count.nets import TRAINED
from ..measures import FATES
from .findings import number_of
from .record import ArrayKey, CensusRecord, Finding

Record = TypeVar("Record", bound=CensusRecord)
CALLED = FATES[:-1]  # all but the distinct ones
LITTLE = {"dead": 1e-6, "noise": 0.05, "duplicate": 0.05}  # of the answers' variance
PUT = {
    "dead": "held still", "noise": "at their mean", "duplicate": "as what their representatives say of them",
}  # fmt: skip


def with_lost(record: Record, lost: Mapping[str, Mapping[str, float]], unknown: str = "") -> Record:
    """The record with what the answers lose without such units, by layer and fate, and findings where it is much.

    `record.array(layer, "lost_without")` is (3,): dead, noise, duplicate; nan where a layer has none. unknown: why
    nothing could be taken out, if so.
    """
    if unknown:
        said = f"What the answers lose without dead, noise or duplicate units is not known. {unknown}"
        return replace(record, findings=(*record.findings, Finding(None, (), said, {"failed": True})))
    arrays = {
        ArrayKey(TRAINED, layer, "lost_without"): np.array([of.get(fate, np.nan) for fate in CALLED])
        for layer, of in lost.items()
    }
    findings = (finding for layer, of in lost.items() for finding in _of_layer(layer, of, record.units))
    return replace(record, arrays={**record.arrays, **arrays}, findings=(*record.findings, *findings))


def _of_layer(layer: str, lost: Mapping[str, float], units: pd.DataFrame) -> Iterator[Finding]:
    for fate, much in lost.items():
        if much <= LITTLE[fate]:
            continue
        chosen = units[(units["layer"] == layer) & (units["fate"] == fate)]["unit"]
        evidence: dict[str, Any] = {"units": len(chosen), "lost": much}
        yield Finding(
            layer, tuple(map(int, chosen)),
            f"Layer {layer}: {number_of(len(chosen), 'unit', 'is', 'are')} called {fate}, but the net uses "
            f"{'it' if len(chosen) == 1 else 'them'}: {PUT[fate]}, its answers on held-out examples lose "
            f"{_percent(much)} of their variance.",
            evidence,
        )  # fmt: skip


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %" if fraction <= 1 else "more than all"
