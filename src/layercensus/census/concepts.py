"""Named concepts over the layers: what the measures are given of them, and the table that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ..count.nets import TRAINED, TWIN
from ..count.provenance import Provenance
from ..count.side_files import read_marks
from ..count.store import Store
from ..measures.concept_rows import FEWEST, examples_with
from ..tally import Marks
from .record import CensusRecord

EXAMPLES = "examples"  # the place of concepts of whole examples
COLUMNS = (
    "set", "concept", "layer", "depth", "auc", "floor", "readable", "first", "input_auc", "twin_auc", "gained",
    "within_needed", "unit", "unit_auc", "unit_floor", "unit_detects",
)  # fmt: skip


def marks_of(store: Store, provenance: Provenance, layer: str) -> tuple[Marks, ...]:
    """The marks of concepts of whole examples, and of those at the positions of this layer's map."""
    places = provenance.concepts.get("places", {})
    wanted = [EXAMPLES, *([places[layer]] if layer in places else [])] if provenance.concepts else []
    found = (read_marks(store.folder, place) for place in wanted)
    return tuple(marks for marks in found if marks is not None)


def with_left_out(provenance: Provenance, store: Store, panel: torch.Tensor) -> Mapping[str, Any]:
    """The provenance of the concepts, with those that are in too few examples or nearly all, and how many have each."""
    about = provenance.concepts
    if not about:
        return about
    places = [EXAMPLES, *sorted(set(about.get("places", {}).values()))]
    count: dict[int, int] = {}
    left_out: dict[int, str] = {}
    for marks in (found for place in places if (found := read_marks(store.folder, place)) is not None):
        own = marks.of(panel[torch.isin(panel, marks.key)])
        some, without = (each.tolist() for each in examples_with(own.has()))
        for number, there, missing in zip(own.concept.tolist(), some, without, strict=True):
            count[number] = max(there, count.get(number, 0))
            few = there < FEWEST or missing < FEWEST
            left_out |= {number: f"in {there:,}, missing in {missing:,}"} if few else {}
    names = about["names"]
    return dict(about) | {
        "examples": [count.get(number, 0) for number in range(len(names))],
        "left_out": {_full(about, number): why for number, why in sorted(left_out.items())},
    }


def _full(about: Mapping[str, Any], number: int) -> str:
    """The name of a concept, with its set's where another set has one of the same name."""
    name = str(about["names"][number])
    return name if about["names"].count(name) == 1 else f"{name} ({about['sets'][number]})"


def concept_table(census: CensusRecord) -> pd.DataFrame:
    """A row for each concept and layer that it was asked of; see `Census.concepts`."""
    about = census.provenance.concepts
    rows = [row for _, layer in census.layers.iterrows() for row in _of_layer(census, layer, about)]
    table = pd.DataFrame(rows, columns=["number", *COLUMNS])
    if not len(table):
        return table.drop(columns="number")
    table = table.sort_values(["number", "depth"], kind="stable").drop(columns="number")
    read = table[table["readable"]]
    table["first"] = table.index.isin(read.groupby(["set", "concept"], sort=False).head(1).index)
    return table.reset_index(drop=True)


def _of_layer(census: CensusRecord, layer: pd.Series[Any], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = str(layer["layer"])

    def of(array: str, net: str = TRAINED) -> NDArray[np.float64]:
        values = census.array(name, array, net)
        return np.full(len(about["names"]), np.nan) if values is None else np.asarray(values, dtype=np.float64)

    if census.array(name, "concept_auc") is None:
        return []
    given = {
        "auc": of("concept_auc"), "floor": of("concept_floor"), "input_auc": of("concept_input_auc"),
        "twin_auc": of("concept_auc", TWIN), "within_needed": of("concept_needed"), "unit_auc": of("concept_unit_auc"),
        "unit_floor": of("concept_unit_floor"),
    }  # fmt: skip
    truths = {"readable": of("concept_read"), "gained": of("concept_gained"), "unit_detects": of("concept_told")}
    unit = of("concept_unit")
    return [
        {
            "number": at, "set": about["sets"][at], "concept": about["names"][at], "layer": name,
            "depth": float(layer["depth"]),
            "first": False, "unit": int(unit[at]),
        }
        | {column: float(values[at]) for column, values in given.items()}
        | {column: bool(values[at] > 0) for column, values in truths.items()}
        for at in np.flatnonzero(~np.isnan(given["auc"]))
    ]  # fmt: skip
