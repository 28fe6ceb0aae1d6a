"""From what was counted to the tables: every measure on every layer of every net."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..count.enough_memory import enough_memory
from ..count.forecast import matrices, panel_bytes
from ..count.memory import returned_memory
from ..count.nets import TRAINED, TWIN, LayerKey, Net, Nets
from ..count.shards import Counted
from ..count.side_files import read_shown
from ..count.store import Store
from ..data.labels import TARGET
from ..gallery.drawings import matrix, strip
from ..gallery.gallery import Gallery, Matrix, Strip
from ..layers.layer import Layer
from ..measures import MEASURES, Column, Evidence, Measure, Outcome, measure
from ..progress import tqdm
from ..settings import Settings
from ..tally import Panel
from ..tally.streams import NOBODY
from .columns import FRAME, TOPS, Columns, twin_of, typed
from .concepts import marks_of, with_left_out
from .directions import with_ids
from .findings import find
from .near_copies import groups_of, sources_seen
from .record import ArrayKey, CensusRecord
from .side_by_side import side_by_side
from .status import dimension_status, status
from .with_needs import with_needs

SMALL = 64_000_000  # bytes of a layer's readings, or of its matrices, up to which several are measured at a time
MEASURING = "Free some memory and run again with resume=True, or count fewer layers or a smaller panel"

Tops = Sequence[Sequence[tuple[str, ...]]]  # by peak and by mean: ids of each unit


@dataclass(frozen=True)
class LayerSummary:
    """Every measure's outcome on one layer, by net; the trained net's panel."""

    layer: Layer
    panel: Panel
    outcomes: Mapping[str, Outcome]
    tops: Mapping[str, Tops]  # net -> the ids of each unit's top examples


@dataclass
class _Rows:
    """The rows of the tables, and the arrays and pictures beside them, layer by layer."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    units: dict[str, list[pd.DataFrame]] = field(default_factory=lambda: {TRAINED: [], TWIN: []})
    runs: list[dict[str, Any]] = field(default_factory=list)
    arrays: dict[ArrayKey, NDArray[Any]] = field(default_factory=dict)
    strips: dict[str, Strip] = field(default_factory=dict)
    matrices: dict[str, Matrix] = field(default_factory=dict)
    sources: int | None = None  # that the examples seem to come from

    def add(self, summary: LayerSummary, row: dict[str, Any], columns: Columns, asked: _Asked) -> None:
        name = summary.layer.name
        if not self.layers:  # the first layer is nearest to the examples themselves
            self.sources = sources_seen(summary.panel)
        self.layers.append(row)
        self.strips[name] = strip(summary.panel)
        compared = matrix(summary.panel, summary.outcomes[TRAINED].units, asked.settings.sign_blind)
        if compared is not None:
            self.matrices[name] = compared
        for net, outcome in summary.outcomes.items():
            self.arrays.update({ArrayKey(net, name, k): v.numpy() for k, v in outcome.arrays.items()})
            if net in self.units:
                self.units[net].append(_units(name, outcome, summary.tops[net], columns.units, asked.concepts))
            if net != TWIN:
                self.runs.append({"net": net, "layer": name} | outcome.layer)


def summarise(store: Store, counted: Counted, measures: Sequence[Measure], settings: Settings) -> CensusRecord:
    """The census of what `store` holds."""
    nets, columns = counted.nets, Columns.of(measures)
    classes = classes_of(store, counted, settings)
    named = counted.provenance.origin.get("classes")
    concepts = tuple(counted.provenance.concepts.get("names", ()))
    asked = _Asked(measures, settings, classes, named if isinstance(named, int) else 0, concepts)
    rows, panel, unreached = _Rows(), 0, list[str]()
    with tqdm(total=len(nets.trained.layers), desc="measuring", unit="layer", disable=not settings.progress) as bar:
        for summary in _summaries(store, counted, asked):
            with enough_memory(f"The tables of layer {summary.layer.name!r}", MEASURING):
                examples = _add(rows, summary, asked, nets, columns)
            unreached += [f"{summary.layer.name} (no example of the data reached it)"] if examples is None else []
            panel = max(panel, examples or 0)
            del summary  # with its panel, before the next one is read
            bar.update()
    provenance = replace(
        counted.provenance, data=_data(store, counted, settings), panel=panel, rarefied_to=nets.narrowest,
        classes_seen=classes, groups=groups_of(store.groups(settings.panel)), sources_seen=rows.sources,
        not_counted=(*counted.provenance.not_counted, *unreached),
        concepts=with_left_out(counted.provenance, store, torch.from_numpy(store.panel_members(settings.panel))),
        needs=with_ids(counted.provenance.needs, rows.arrays, store.names),
    )  # fmt: skip
    layers = typed(pd.DataFrame(rows.layers), columns.table(nets.twin is not None))
    units, twin_units = (
        typed(pd.concat(tables, ignore_index=True), columns.units) if tables else pd.DataFrame()
        for tables in rows.units.values()
    )
    runs = {
        "net": Column("which net", kind="text"),
        "layer": columns.layers["layer"],
        **columns.where(lambda c: c.twin),
    }
    return CensusRecord(
        layers, units, twin_units, typed(pd.DataFrame(rows.runs), runs), rows.arrays,
        find(layers, units, provenance), provenance, columns, counted.untrained,
        Gallery(strips=rows.strips, matrices=rows.matrices, missing="the count was merged from shards"),
    )  # fmt: skip


def _summaries(store: Store, counted: Counted, asked: _Asked) -> Iterator[LayerSummary]:
    """Of every layer, in order: small ones side by side; large ones alone, and all where a measure is the user's."""
    store.panel_keys(), store.many_streams([])  # opened once, before several threads ask for them
    own = all(each in MEASURES for each in asked.measures)

    def size(layer: Layer) -> int:
        return max(panel_bytes(layer, asked.settings.panel, asked.settings), matrices(layer.width))

    def compute(layer: Layer) -> LayerSummary:
        with enough_memory(f"Measuring layer {layer.name!r}", MEASURING), returned_memory(size(layer)):
            return _summary(store, counted, layer, asked)

    for small, layers in groupby(counted.nets.trained.layers, lambda layer: own and size(layer) <= SMALL):
        yield from (side_by_side if small else map)(compute, layers)


def _add(rows: _Rows, summary: LayerSummary, asked: _Asked, nets: Nets, columns: Columns) -> int | None:
    """Add a layer that examples reached, and say how many its panel holds, which is let go before the next is read."""
    if TRAINED not in summary.outcomes:
        return None
    rows.add(summary, _row(summary, nets, asked.classes, asked.of_model), columns, asked)
    return len(summary.panel)


def classes_of(store: Store, counted: Counted, settings: Settings) -> int:
    """How many classes the labels of the panel, or the names of the classes, speak of; 0 without labels.

    Where a target of the panel is no class, none is: what looks like a class among them is a round number.
    """
    label = store.labels(settings.panel)
    if bool((label == TARGET).any()):
        return 0
    top = int(label.max()) + 1 if len(label) else 0
    return max(top, len(counted.class_names or ())) if top > 0 else 0


def _data(store: Store, counted: Counted, settings: Settings) -> Mapping[str, Any]:
    """What is known of the data, with what the panel shows of their targets."""
    data = counted.provenance.data
    no_class = bool((store.labels(settings.panel) == TARGET).any())
    return dict(data) | {"labels": "none", "targets": "in the data; no classes, and not used"} if no_class else data


@dataclass(frozen=True)
class _Asked:
    measures: Sequence[Measure]
    settings: Settings
    classes: int
    of_model: int  # classes that the model names
    concepts: tuple[str, ...] = ()  # names


def _summary(store: Store, counted: Counted, layer: Layer, asked: _Asked) -> LayerSummary:
    """Every net's outcome: the twin first, since the trained net is compared with it."""
    nets = counted.nets
    panels: dict[str, Panel] = {}
    outcomes: dict[str, Outcome] = {}
    tops: dict[str, Tops] = {}
    for net in _twin_first(nets):
        if net.name not in panels:
            panels.clear()  # the twin's panel goes before others are read
            panels |= _panels(store, nets, net, layer, asked.settings)
        streams = store.streams(LayerKey(net.name, layer.name))
        if streams is None or not int(streams.moments.count):
            continue  # no example came to this layer
        evidence = Evidence(
            net.layer(layer.name).width, streams, panels[net.name], asked.settings, nets.narrowest,
            seed=counted.provenance.seed, classes=asked.classes, is_twin=net is nets.twin,
            of_trend=nets.compared(layer), marks=marks_of(store, counted.provenance, layer.name),
        )  # fmt: skip
        evidence = replace(evidence, shown=read_shown(store.folder, LayerKey(net.name, layer.name)))
        evidence = with_needs(evidence, store, nets, net, layer.name)
        if net is nets.trained:
            eta2 = outcomes[TWIN].units.get("eta2") if TWIN in outcomes else None
            runs = tuple(panels[run.name] for run in nets.replicas)
            arrays = outcomes[TWIN].arrays if TWIN in outcomes else {}
            evidence = replace(evidence, replicas=runs, twin_eta2=eta2, twin_arrays=arrays)
        outcomes[net.name] = measure(evidence, asked.measures)
        del evidence
        tops[net.name] = tuple(_top(keys, store.names) for keys in (streams.top.peak_key, streams.top.mean_key))
    return LayerSummary(layer, panels[TRAINED], outcomes, tops)


def _panels(store: Store, nets: Nets, net: Net, layer: Layer, settings: Settings) -> dict[str, Panel]:
    """The twin's panel alone, or those of all training runs, which are compared example by example."""
    runs = (net,) if net is nets.twin else (nets.trained, *nets.replicas)
    found = {
        run.name: store.panel(LayerKey(run.name, layer.name), settings.panel, settings.spots) for run in runs
    }  # fmt: skip
    return found if len(found) == 1 else _of_common_examples(found)


def _of_common_examples(panels: Mapping[str, Panel]) -> dict[str, Panel]:
    """The panels of several training runs, which are compared example by example: those that came to all of them."""
    common = {name: panel.with_examples_of(list(panels.values())) for name, panel in panels.items()}
    most = max(panel.spots.shape[1] for panel in common.values())
    if all(panel.spots.shape[1] == most for panel in common.values()):
        return common
    return {name: panel.with_positions(most) for name, panel in common.items()}


def _twin_first(nets: Nets) -> Iterator[Any]:
    return iter([net for net in (nets.twin, nets.trained, *nets.replicas) if net is not None])


def _row(summary: LayerSummary, nets: Nets, classes: int, of_model: int) -> dict[str, Any]:
    layer, layers = summary.layer, nets.trained.layers
    own = summary.outcomes[TRAINED].layer
    depth = layers.index(layer) / max(1, len(layers) - 1)
    words = (
        "; ".join((status(layer, summary.panel, classes, of_model), *summary.outcomes[TRAINED].notes)),
        dimension_status(own),
    )
    frame = dict(zip(FRAME, (layer.name, depth, layer.kind, layer.role, layer.width, *words), strict=True))
    twin = summary.outcomes[TWIN].layer if TWIN in summary.outcomes else {}
    return frame | own | {twin_of(name): value for name, value in twin.items()}


def _units(
    layer: str, outcome: Outcome, tops: Tops, columns: Mapping[str, Column],
    concepts: tuple[str, ...],
) -> pd.DataFrame:  # fmt: skip
    live = outcome.units["live"].tolist()
    table: dict[str, Any] = {"layer": layer, "unit": np.arange(len(live))}
    table |= {name: _plain(columns[name], value, concepts) for name, value in outcome.units.items() if name in columns}
    for name, each in zip(TOPS, tops, strict=True):
        table[name] = [ids if alive else () for ids, alive in zip(each, live, strict=True)]
    return pd.DataFrame(table)


def _plain(column: Column, values: Tensor, concepts: tuple[str, ...]) -> Any:
    """One value per unit as a table holds it."""
    if column.kind == "concept":
        return [concepts[number] if number >= 0 else None for number in values.tolist()]
    if column.kind == "choice":
        return [column.choices[code] if code >= 0 else None for code in values.tolist()]
    if column.kind == "index":
        return pd.array([None if v < 0 else v for v in values.tolist()], dtype="Int64")
    if values.dtype == torch.bool:
        return pd.array(values.numpy(), dtype="boolean")
    return pd.array([None if np.isnan(v) else v for v in values.double().numpy()], dtype="Float64")


def _top(keys: Tensor, names: Mapping[int, str]) -> list[tuple[str, ...]]:
    """The ids of each unit's top examples, the highest first."""
    return [
        tuple(names[k] for k in column.tolist() if k != NOBODY and k in names) for column in torch.unbind(keys, dim=1)
    ]
