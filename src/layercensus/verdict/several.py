"""Many censuses beside each other: a row for each with its answer and the numbers of its first and last layer."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..census.record import CensusRecord
from .compared import hidden
from .judge import judge

COUNTS = ("needed", "learned", "distinct")


def side_by_side(censuses: Mapping[str, CensusRecord]) -> pd.DataFrame:
    """run, model, layers, answer, and "first → last hidden layer" of what is needed, learned and distinct; "–" where
    it was not counted. censuses: by the name of their run.
    """
    rows = [_row(name, census) for name, census in censuses.items()]
    return pd.DataFrame(rows, columns=["run", "model", "layers", "answer", *COUNTS])


def _row(name: str, census: CensusRecord) -> dict[str, object]:
    layers = hidden(census.layers)
    ends = {count: _ends(layers, count) for count in COUNTS}
    about = {"run": name, "model": str(census.about["model"]), "layers": len(layers), "answer": judge(census).answer}
    return about | ends


def _ends(layers: pd.DataFrame, count: str) -> str:
    if count not in layers or not len(layers) or layers[count].isna().all():
        return "–"
    return " → ".join("–" if pd.isna(value) else f"{float(value):.3g}" for value in layers[count].iloc[[0, -1]])
