"""What a count needs before it begins: every net with its layers, the data, the views, and where they came from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import nn

from ..data.batch import Batch, joined, tensors
from ..data.keys import key
from ..data.replay import Replay
from ..data.source import Source
from ..data.views import Views, make_view, open_views
from ..errors import CensusError
from ..layers.layer import Layer
from ..layers.net import unwrap
from ..layers.select import select
from ..layers.survey import survey
from ..models.fingerprint import weights
from ..models.model import Model
from ..models.twin import calibrate, untrained
from ..settings import Settings
from .read_batch import Net
from .versions import versions

CALIBRATION = 256  # examples on which the twin's normalisation statistics are estimated
CALIBRATION_BATCH = 32
PROBE = 3  # examples that the layers are looked at with
TIMED = 8  # examples that the memory formats are timed on


@dataclass(frozen=True)
class Plan:
    """A count that can begin."""

    nets: tuple[Net, ...]  # the trained net first
    source: Source
    views: Views
    probe: Batch  # a few examples, for timing
    about: dict[str, Any]  # provenance as JSON
    identity: dict[str, Any]  # what must be equal for two counts to be of the same thing
    settings: Settings
    seed: int
    own_twin: bool  # the twin was made here, so more of its kind can be


def make_plan(
    model: Model, source: Source, layers: str | Sequence[str] | None, twin: bool | nn.Module, replicas: Sequence[Model],
    views: Views | float | Any, seed: int, settings: Settings,
) -> Plan:  # fmt: skip
    """Look at the layers, make the twin, and say what will be counted.

    Raises:
        CensusError: one line that says what must be changed.
    """
    if not source.reusable:
        source = Replay(source, CALIBRATION, settings.batch)
    views = open_views(views, source)
    timed = source.first(TIMED)
    probe = timed.first(PROBE)
    net = unwrap(model.net)
    surveyed = survey(net, probe.for_net(net), unit_axis=settings.unit_axis)
    chosen = select(net, surveyed, layers)
    nets = [Net("trained", net, chosen)]
    how = _add_twin(nets, model, source, twin, seed)
    for number, replica in enumerate(replicas):
        nets.append(_same_layers(f"replica{number}", unwrap(replica.net), chosen, probe, settings))
    about = _about(model, source, nets, views, seed, settings, how, surveyed)
    identity = _identity(about, nets, timed, views, seed) | {"share": settings.share and list(settings.share)}
    return Plan(tuple(nets), source, views, timed, about, identity, settings, seed, twin is True)


def _add_twin(nets: list[Net], model: Model, source: Source, twin: bool | nn.Module, seed: int) -> str:
    if twin is False:
        return "none"
    trained = nets[0]
    if isinstance(twin, nn.Module):
        nets.append(Net("twin", unwrap(twin), trained.layers))
        return "a module of the user's, taken as it is"
    net, how = untrained(model, seed)
    net = unwrap(net)
    normalisations = calibrate(net, (batch.for_net(net) for batch in calibration(source)))
    nets.append(Net("twin", net, trained.layers))
    if normalisations:
        how += f"; statistics of {normalisations} normalisation layers re-estimated on {CALIBRATION} examples at most"
    return how


def calibration(source: Source) -> Iterator[Batch]:
    """Examples for the twin's normalisation statistics, in groups of one size, since each group weighs the same.

    They are the same for any batch size and, where ids are known before reading, for any order.
    """
    if source.ids is not None:
        ids = sorted(source.ids, key=key)[:CALIBRATION]
        for some in np.array_split(np.arange(len(ids)), math.ceil(len(ids) / CALIBRATION_BATCH)):
            batch = source.pick([ids[i] for i in some])
            if batch.ids:
                yield batch
        return
    read = list(source.peek(CALIBRATION, CALIBRATION_BATCH))
    shapes = {tuple(x.shape[1:] for x in (*tensors(b.inputs), *([] if b.mask is None else [b.mask]))) for b in read}
    if len(shapes) > 1:  # sentences of unequal length
        yield from read
        return
    batch = joined(read)
    order = torch.tensor(sorted(range(len(batch.ids)), key=lambda row: key(batch.ids[row])))
    for rows in order.tensor_split(math.ceil(len(order) / CALIBRATION_BATCH)):
        yield batch.take(rows)


def _same_layers(name: str, net: nn.Module, layers: Sequence[Layer], probe: Batch, settings: Settings) -> Net:
    there = {layer.name: layer for layer in survey(net, probe.for_net(net), unit_axis=settings.unit_axis)}
    missing = [layer.name for layer in layers if layer.name not in there]
    if missing:
        raise CensusError(f"A replica must have the model's layers. Got one without {missing[0]!r}.")
    return Net(name, net, tuple(there[layer.name] for layer in layers))


def _about(
    model: Model, source: Source, nets: Sequence[Net], views: Views, seed: int, settings: Settings, how: str,
    surveyed: Sequence[Layer],
) -> dict[str, Any]:  # fmt: skip
    counted = {layer.name for layer in nets[0].layers}
    return {
        "model": model.name,
        "weights": {net.name: weights(net.net) for net in nets},
        "origin": dict(model.about),
        "prepare": model.prepare.describe() if model.prepare else None,
        "data": dict(source.about),
        "classes": list(source.class_names) if source.class_names else None,
        "views": views.name,
        "twin": how,
        "replicas": sum(net.name.startswith("replica") for net in nets),
        "seed": seed,
        "settings": settings.that_count(),
        "layers": [_layer(layer) for layer in nets[0].layers],
        "not_counted": [f"{s.name} ({s.problem})" if s.problem else s.name for s in surveyed if s.name not in counted],
        "versions": versions(),
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "layer": layer.name, "unit_axis": layer.unit_axis, "axis_from": layer.axis_from, "width": layer.width,
        "shape": list(layer.shape), "also": list(layer.also),
    }  # fmt: skip


def _identity(about: dict[str, Any], nets: Sequence[Net], some: Batch, views: Views, seed: int) -> dict[str, Any]:
    """What must be equal for a count to be gone on with."""
    same = ("views", "seed", "settings", "layers")
    data = {name: value for name, value in about["data"].items() if name != "skipped"}
    # statistics of the twin are left out: estimated on another machine they differ in the last bits
    drawn = {net.name: weights(net.net, statistics=net.name != "twin") for net in nets}
    return {name: about[name] for name in same} | {
        "weights": drawn, "data": data, "examples": _content(some, views, seed),
    }  # fmt: skip


def _content(some: Batch, views: Views, seed: int) -> str:
    """Hash of a few examples as the net sees them, of their labels, and of a perturbed view of the first."""
    digest = sha256("|".join(some.ids).encode())
    shown = make_view(views, some.first(1), seed, 0)
    labels = [] if some.labels is None else [some.labels]
    for tensor in (*tensors(some.inputs), *labels, *tensors(shown.inputs)):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
