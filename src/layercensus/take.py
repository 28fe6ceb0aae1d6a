"""From a model and data to a census: the whole way in one function."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import nn

from .census import Census
from .count import Net, count
from .data.batch import Batch, tensors
from .data.keys import key
from .data.open import open_data
from .data.replay import Replay
from .data.source import Source
from .data.views import Views, make_view, open_views
from .errors import CensusError
from .models.fingerprint import weights
from .models.formats import memory_format, pick_format
from .models.layers import Layer, select, survey, unwrap
from .models.open import Model, open_model
from .models.twin import calibrate, untrained
from .settings import Settings
from .spool import Spool
from .summary import summarise
from .versions import versions

CALIBRATION = 256  # examples on which the twin's normalisation statistics are estimated
CALIBRATION_BATCH = 32
PROBE = 3  # examples that the layers are looked at with
TIMED = 8  # examples that the memory formats are timed on


def take(
    model: nn.Module | Model | str,
    data: Any,
    *,
    layers: str | Sequence[str] | None = None,
    twin: bool | nn.Module = True,
    replicas: Sequence[nn.Module | Model | str] = (),
    labels: Sequence[Any] | None = None,
    views: Views | float | Any = None,
    seed: int = 0,
    settings: Settings | None = None,
) -> Census:
    """A census of `model` on `data`: what each layer's units do, beside an untrained twin of the same architecture.

    model: an nn.Module or a short name ("efficientnet-lite:0", "hf:FOLDER", "module:factory", "digits").
    data: an array or tensor, a Dataset, a DataLoader, an iterable of batches, or a short name ("digits",
        "images:FOLDER", "npz:FILE", "text:FILE", "module:factory"). A batch is inputs, (inputs,), (inputs, labels) or
        a dict with "inputs" and optionally "labels", "ids", "mask".
    layers: globs over dotted layer names; None counts every nonlinearity, every block and the last layer.
    twin: True re-initialises a copy with `seed` and re-estimates its normalisation statistics on the data; a module is
        taken as it is; False does without.
    replicas: further trained nets of the same architecture.
    labels: one per example in row order; overrides those in the data.
    views: how an example is perturbed to tell signal from noise: None for the default of the kind of data, a number for
        its strength, or a function (example, numpy Generator) -> example.

    Cost: one forward pass per net over all data and two over the panel's examples (at most `settings.panel`).

    Raises:
        CensusError: one line that says what must be changed.
    """
    settings = settings or Settings()
    opened = open_model(model)
    source = open_data(data, prepare=opened.prepare, labels=labels, limit_bad=settings.limit_bad)
    return take_opened(opened, source, layers, twin, [open_model(r) for r in replicas], views, seed, settings)


def take_opened(
    model: Model, source: Source, layers: str | Sequence[str] | None, twin: bool | nn.Module, replicas: Sequence[Model],
    views: Views | float | Any, seed: int, settings: Settings,
) -> Census:  # fmt: skip
    """The same for a model and data that are open already."""
    if not source.reusable:
        source = Replay(source, CALIBRATION, settings.batch)
    views = open_views(views, source)
    timed = _probe(source, TIMED)
    probe = timed.first(PROBE)
    net = unwrap(model.net)
    surveyed = survey(net, probe.for_net(net), unit_axis=settings.unit_axis)
    chosen = select(net, surveyed, layers)
    nets = [Net("trained", net, chosen)]
    how = _add_twin(nets, model, source, twin, seed)
    for number, replica in enumerate(replicas):
        nets.append(_same_layers(f"replica{number}", unwrap(replica.net), chosen, probe, settings))
    about = _about(model, source, nets, views, seed, settings, how, surveyed)
    with _folder(settings) as folder, _fast(nets, timed, settings) as speed:
        spool = Spool.start(folder, _identity(about, timed, views, seed), settings.resume)
        count(nets, source, views, spool, settings, seed)
        if len(spool.done) == 0:
            raise CensusError("data must hold at least one example. Got none.")
        source_about = dict(source.about)
        about |= {"data": source_about, "examples": len(spool.done), "ids": _ids_hash(spool)}
        about["run"] = speed
        census = summarise(spool, nets, source.class_names, about, settings, seed)
        if settings.out is not None:
            census.save(settings.out)
            spool.clear()
    return census


def _probe(source: Source, examples: int = PROBE) -> Batch:
    """A few examples to look at the layers with."""
    return source.first(examples)


def _add_twin(nets: list[Net], model: Model, source: Source, twin: bool | nn.Module, seed: int) -> str:
    if twin is False:
        return "none"
    trained = nets[0]
    if isinstance(twin, nn.Module):
        nets.append(Net("twin", unwrap(twin), trained.layers))
        return "a module of the user's, taken as it is"
    net, how = untrained(model, seed)
    net = unwrap(net)
    normalisations = calibrate(net, (batch.for_net(net) for batch in _calibration(source)))
    nets.append(Net("twin", net, trained.layers))
    if normalisations:
        how += f"; statistics of {normalisations} normalisation layers re-estimated on {CALIBRATION} examples at most"
    return how


def _calibration(source: Source) -> Iterator[Batch]:
    """Examples for the twin's normalisation statistics, the same for any batch size and order where ids are known."""
    if source.ids is None:
        yield from source.peek(CALIBRATION, CALIBRATION_BATCH)
        return
    ids = sorted(source.ids, key=key)[:CALIBRATION]
    for start in range(0, len(ids), CALIBRATION_BATCH):
        batch = source.pick(ids[start : start + CALIBRATION_BATCH])
        if batch.ids:
            yield batch


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


def _identity(about: dict[str, Any], some: Batch, views: Views, seed: int) -> dict[str, Any]:
    """What must be equal for a count to be gone on with."""
    same = ("weights", "views", "seed", "settings", "layers")
    data = {name: value for name, value in about["data"].items() if name != "skipped"}
    return {name: about[name] for name in same} | {"data": data, "examples": _content(some, views, seed)}


def _content(some: Batch, views: Views, seed: int) -> str:
    """Hash of a few examples as the net sees them, of their labels, and of a perturbed view of the first."""
    digest = sha256("|".join(some.ids).encode())
    shown = make_view(views, some.first(1), seed, 0)
    labels = [] if some.labels is None else [some.labels]
    for tensor in (*tensors(some.inputs), *labels, *tensors(shown.inputs)):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _ids_hash(spool: Spool) -> str:
    """Of the set of example ids, whatever their order."""
    return f"{len(spool.done)}:{int(spool.done.astype('uint64').sum(dtype='uint64')):016x}"


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    if settings.out is not None:
        yield Path(settings.out) / "counting"
        return
    with tempfile.TemporaryDirectory(prefix="layercensus-") as folder:
        yield Path(folder)


@dataclass(frozen=True)
class _Format:
    name: str
    seconds: dict[str, float]


@contextmanager
def _fast(nets: Sequence[Net], probe: Batch, settings: Settings) -> Iterator[dict[str, Any]]:
    """All nets in the faster memory format for as long as the count takes."""
    picked = _Format(settings.memory_format, {})
    if settings.memory_format == "auto":
        picked = _Format(*pick_format(nets[0].net, probe.for_net(nets[0].net)))
    with memory_formats([net.net for net in nets], picked.name):
        yield {"memory_format": picked.name, "seconds_per_probe": picked.seconds}


@contextmanager
def memory_formats(nets: Sequence[nn.Module], name: str) -> Iterator[None]:
    """Every one of `nets` in the memory format `name` for the duration of the block."""
    if not nets:
        yield
        return
    with memory_format(nets[0], name), memory_formats(nets[1:], name):
        yield


def layers_of(model: nn.Module | Model | str, data: Any = None) -> tuple[Layer, ...]:
    """Every layer of a model in the order of the forward pass, and which are counted by default.

    data: where the model has no example input of its own; a few of its examples are passed through.
    """
    opened = open_model(model)
    if data is not None:
        source = open_data(data, prepare=opened.prepare)
        return survey(opened.net, _probe(source).for_net(opened.net))
    if opened.example is None:
        raise CensusError(
            f"{opened.name} needs an input to be looked at. Name data as well: layercensus layers MODEL DATA."
        )
    return survey(opened.net, opened.example())
