"""From what was counted to the tables: every measure on every layer of every net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ..count.read_batch import Net
from ..count.store import Spool
from ..gallery.drawings import matrix, strip
from ..gallery.gallery import Gallery, Matrix, Strip
from ..layers.layer import Layer
from ..measures import FATES, Evidence, Outcome, measure
from ..settings import Settings
from ..tally import Panel
from ..tally.streams import NOBODY, Top
from .columns import LAYER_ORDER, UNIT_ORDER
from .findings import find
from .record import CensusRecord
from .status import dimension_status, status

COUNTS = (
    "examples", "live", "reliable", "distinct", "distinct_pooled", "redundant", "informative", "replicated",
    "dead", "noise", "duplicate", "unjudged", "k90", "k99", "parallel_dim", "mp_dim", "signal_dim", "gride_neighbours",
    "repeated",
)  # fmt: skip
OWN = (
    "layer",
    "depth",
    "kind",
    "role",
    "width",
    "status",
    "dimension_status",
    "examples",
)  # columns that the twin does not repeat


def summarise(
    spool: Spool,
    nets: Sequence[Net],
    class_names: Sequence[str] | None,
    about: dict[str, Any],
    settings: Settings,
    seed: int,
    held: Mapping[str, Tensor],
) -> CensusRecord:
    """The census of what `spool` holds. held: what `spread` found of further untrained nets."""
    layers = nets[0].layers
    draw = narrowest(layers)
    classes = classes_of(spool, nets[0], settings, class_names)
    rows: list[dict[str, Any]] = []
    units: list[pd.DataFrame] = []
    twin_units: list[pd.DataFrame] = []
    runs: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {name: value.numpy() for name, value in held.items()}
    strips: dict[str, Strip] = {}
    matrices: dict[str, Matrix] = {}
    for layer in tqdm(layers, desc="measuring", unit="layer", disable=not settings.progress):
        panel, outcomes = _outcomes(spool, nets, layer, draw, classes, settings, seed)
        row = _row(layer, layers, outcomes)
        row["status"] = status(layer, panel, classes)
        row["dimension_status"] = dimension_status(outcomes["trained"].layer)
        rows.append(row)
        strips[layer.name] = strip(panel)
        compared = matrix(panel, outcomes["trained"].units, settings.sign_blind)
        if compared is not None:
            matrices[layer.name] = compared
        for net, outcome in outcomes.items():
            arrays.update({f"{net}|{layer.name}|{k}": v.numpy() for k, v in outcome.arrays.items()})
            if net in ("trained", "twin"):
                top = _top(spool, net, layer.name)
                (units if net == "trained" else twin_units).append(_units(layer, outcome, top))
            if net != "twin":
                runs.append({"net": net, "layer": layer.name} | outcome.layer)
    about = about | {"panel": len(panel), "rarefied_to": draw, "classes_seen": classes}
    layer_table = _typed(pd.DataFrame(rows), _layer_order("twin" in outcomes))
    unit_table = _typed(pd.concat(units, ignore_index=True), UNIT_ORDER)
    twin_table = _typed(pd.concat(twin_units, ignore_index=True), UNIT_ORDER) if twin_units else pd.DataFrame()
    findings = find(layer_table, unit_table, about)
    run_table = _typed(pd.DataFrame(runs), ("net", "layer", *(c for c in LAYER_ORDER if c not in OWN)))
    gallery = Gallery(strips=strips, matrices=matrices, missing="the count was merged from shares")
    return CensusRecord(layer_table, unit_table, twin_table, run_table, arrays, findings, about, gallery)


def narrowest(layers: Sequence[Layer]) -> int:
    """Width of the narrowest counted hidden layer: the draw in which layers of all widths are compared."""
    hidden = [layer.width for layer in layers if layer.role != "output"]
    return min(hidden or [layer.width for layer in layers])


def classes_of(spool: Spool, net: Net, settings: Settings, names: Sequence[str] | None) -> int:
    """How many classes the labels of the panel, or the names of the classes, speak of; 0 without labels."""
    label = spool.panel(net.name, net.layers[0].name, settings.panel, settings.spots).label
    top = int(label.max()) + 1 if len(label) else 0
    return max(top, len(names) if names else 0) if top > 0 else 0


def _outcomes(
    spool: Spool, nets: Sequence[Net], layer: Layer, draw: int, classes: int, settings: Settings, seed: int
) -> tuple[Panel, dict[str, Outcome]]:
    """The trained net's panel, and every net's outcome: the twin first, since the trained net is held against it."""
    panels = {net.name: spool.panel(net.name, layer.name, settings.panel, settings.spots) for net in nets}
    width = {net.name: next(own.width for own in net.layers if own.name == layer.name) for net in nets}
    outcomes: dict[str, Outcome] = {}
    for net in sorted(panels, key=lambda name: (name != "twin", name != "trained", name)):
        streams = spool.streams(net, layer.name)
        if streams is None:
            continue
        others = tuple(panels[n] for n in panels if n.startswith("replica")) if net == "trained" else ()
        twin = outcomes.get("twin", Outcome()).units.get("eta2")
        outcomes[net] = measure(
            Evidence(
                width[net],
                streams,
                panels[net],
                settings,
                draw,
                seed,
                classes,
                others,
                twin if net == "trained" else None,
                net == "twin",
            )
        )
    return panels["trained"], outcomes


def _row(layer: Layer, layers: Sequence[Layer], outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    place = layers.index(layer)
    row: dict[str, Any] = {
        "layer": layer.name,
        "depth": place / max(1, len(layers) - 1),
        "kind": layer.kind,
        "role": layer.role,
        "width": layer.width,
    }
    row |= outcomes["trained"].layer
    twin = outcomes["twin"].layer if "twin" in outcomes else {}
    return row | {f"twin_{name}": value for name, value in twin.items() if name not in OWN}


def _layer_order(twin: bool) -> tuple[str, ...]:
    own = (*LAYER_ORDER[:5], "status", *LAYER_ORDER[5:], "dimension_status")
    return own + tuple(f"twin_{name}" for name in own if name not in OWN)


def _units(layer: Layer, outcome: Outcome, top: list[tuple[str, ...]]) -> pd.DataFrame:
    columns: dict[str, Any] = {name: _plain(name, value) for name, value in outcome.units.items() if name in UNIT_ORDER}
    live = outcome.units["live"].numpy()
    columns["top"] = [ids if alive else () for ids, alive in zip(top, live, strict=True)]
    return pd.DataFrame({"layer": layer.name, "unit": np.arange(len(live)), **columns})


def _plain(name: str, value: Tensor) -> Any:
    if name == "fate":
        return [FATES[code] if code >= 0 else None for code in value.tolist()]
    if name == "representative":
        return pd.array([None if v < 0 else v for v in value.tolist()], dtype="Int64")
    array: NDArray[Any] = value.numpy()
    if array.dtype == bool:
        return pd.array(array, dtype="boolean")
    return pd.array([None if np.isnan(v) else v for v in array.astype(np.float64)], dtype="Float64")


def _top(spool: Spool, net: str, layer: str) -> list[tuple[str, ...]]:
    streams = spool.streams(net, layer)
    top: Top = streams.top if streams else Top.empty(0)
    return [
        tuple(spool.names[k] for k in column.tolist() if k != NOBODY and k in spool.names)
        for column in torch.unbind(top.peak_key, dim=1)
    ]


def _typed(table: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """The columns in their order and types; what was not measured is NA."""
    out = {}
    for name in order:
        bare = name.removeprefix("twin_")
        values = table[name] if name in table else pd.Series([None] * len(table), dtype=object)
        if values.dtype == "boolean":
            out[name] = values
        elif bare in COUNTS or bare in ("width", "unit", "representative"):
            out[name] = values.astype("Float64").astype("Int64")
        elif bare == "fate":
            out[name] = values.astype("string")
        elif bare in ("layer", "kind", "role", "status", "dimension_status", "net"):
            out[name] = values.astype(object).where(values.notna(), "").astype("string")
        elif bare == "top":
            out[name] = values
        else:
            out[name] = values.astype("Float64")
    return pd.DataFrame(out)
