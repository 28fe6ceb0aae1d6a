"""What changed between two censuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..census.record import CensusRecord
from ..measures import Column
from .judge import judge


@dataclass(frozen=True)
class Difference:
    """Two censuses side by side."""

    layers: pd.DataFrame  # a row per layer and measure that differs: layer, measure, a, b, change, significant
    settings: tuple[str, ...]  # settings and origins that differ, in words
    only: tuple[str, ...]  # layers that one of them lacks, in words
    answers: tuple[str, str]


def differences(a: CensusRecord, b: CensusRecord) -> Difference:
    """Layer by layer what differs; `significant` where the 95 % intervals of `distinct` do not touch, else NA."""
    in_a, in_b = a.layers.set_index("layer"), b.layers.set_index("layer")
    compared = a.columns.where(lambda column: column.compare) | b.columns.where(lambda column: column.compare)
    both = [name for name in in_a.index if name in in_b.index]
    rows = [row for name in both for row in _of_layer(name, in_a.loc[name], in_b.loc[name], compared)]
    only = [f"{n} is only in A" for n in in_a.index if n not in in_b.index]
    only += [f"{n} is only in B" for n in in_b.index if n not in in_a.index]
    table = pd.DataFrame(rows, columns=["layer", "measure", "a", "b", "change", "significant"])
    return Difference(table, _settings(a, b), tuple(only), (judge(a).answer, judge(b).answer))


def _of_layer(
    name: str, a: pd.Series[Any], b: pd.Series[Any], compared: Mapping[str, Column]
) -> list[dict[str, object]]:
    rows = []
    for measure, column in compared.items():
        x, y = a.get(measure), b.get(measure)
        if pd.isna(x) and pd.isna(y):
            continue
        if pd.isna(x) or pd.isna(y) or x != y:
            change = y - x if column.numeric and pd.notna(x) and pd.notna(y) else pd.NA
            rows.append(
                {
                    "layer": name,
                    "measure": measure,
                    "a": x,
                    "b": y,
                    "change": change,
                    "significant": _significant(measure, a, b),
                }
            )
    return rows


def _significant(measure: str, a: pd.Series[Any], b: pd.Series[Any]) -> object:
    """Whether the intervals of a count do not meet; NA where it has none."""
    low, high = f"{measure}_low", f"{measure}_high"
    if any(pd.isna(row.get(low)) for row in (a, b)):
        return pd.NA
    return bool(a[high] < b[low] or b[high] < a[low])


def _settings(a: CensusRecord, b: CensusRecord) -> tuple[str, ...]:
    lines = []
    for name in ("model", "views", "twin", "seed", "ids", "settings", "weights"):
        x, y = a.about.get(name), b.about.get(name)
        if x != y:
            lines.append(f"{name}: {x} -> {y}" if name not in ("weights", "settings") else f"{name} differ")
    return tuple(lines)
