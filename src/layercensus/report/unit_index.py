"""What the search over all units looks through: a line of words for each, in a script fetched when it is used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ..census.record import CensusRecord
from .cells import shown
from .layer_page import MOST
from .names import number_of_layer
from .tiles import Examples

NAME = "assets/units.js"
COLUMNS = 2  # of those that drive a unit
EXAMPLES = 2  # whose name or token is among the words


def unit_index(census: CensusRecord, examples: Examples) -> str:
    """The script: by layer its name, its file, how many units have an address, and the words of each unit."""
    layers = []
    for index, name in enumerate(census.layers["layer"]):
        units = census.units[census.units["layer"] == name]
        words = [" ".join(_words(str(name), unit, examples)) for unit in units.to_dict("records")]
        addressed = len(units) <= MOST
        layers.append([str(name), f"layers/{number_of_layer(index)}.html", int(addressed), words])
    return f"window.layercensusUnits={json.dumps(layers, ensure_ascii=True, separators=(',', ':'))};"


def _words(layer: str, unit: Mapping[Any, Any], examples: Examples) -> Iterator[str]:
    yield "" if pd.isna(unit["fate"]) else str(unit["fate"])
    concept = unit.get("concept")
    if isinstance(concept, str):
        yield concept
    top = list(unit["top"])
    if examples.spoken:
        words = (each.peak or each.before for each in examples.words(layer, int(unit["unit"]), top[:EXAMPLES]))
        yield from dict.fromkeys(words)
    elif examples.driving.known:
        for name, far in examples.driving.columns(top)[:COLUMNS]:
            yield f"{'high' if far > 0 else 'low'} in {name}"
    else:
        yield from dict.fromkeys(shown(id) for id in top[:EXAMPLES] if not id.isdigit())
