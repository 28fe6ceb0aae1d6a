"""From a model and data to a census: the whole way in one function."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from .census.census import Census, load
from .census.summarise import classes_of, narrowest, summarise
from .count.count import count
from .count.memory import kept_memory
from .count.plan import PROBE, Plan, make_plan
from .count.shards import keep_share
from .count.store import Spool
from .count.untrained import spread
from .data.open import open_data
from .data.source import Source
from .data.views import Views
from .errors import CensusError
from .gallery.top_examples import examine
from .layers.layer import Layer
from .layers.memory_format import memory_format, pick_format
from .layers.survey import survey
from .models.model import Model
from .models.open import open_model
from .settings import Settings
from .visualise.input_space import refusal
from .visualise.of_census import see_census
from .visualise.options import SeeOptions


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
    labels: one per example in row order; overrides those in the data. A negative number: this one has no label.
    views: how an example is perturbed to tell signal from noise: None for the default of the kind of data, a number for
        its strength, or a function (example, numpy Generator) -> example.

    Cost: one forward pass per net over all data and two over the panel's examples (at most `settings.panel`); with an
    own twin some 800 more for each of `settings.twins` untrained nets, which tell how much such nets differ. For the
    report's pictures the examples that units respond to most are read again (at most `settings.pictures`).

    Raises:
        CensusError: one line that says what must be changed.
    """
    settings = settings or Settings()
    opened = open_model(model)
    source = open_data(data, prepare=opened.prepare, labels=labels, limit_bad=settings.limit_bad)
    return take_opened(opened, source, layers, twin, [open_model(r) for r in replicas], views, seed, settings)


@kept_memory()
def take_opened(
    model: Model, source: Source, layers: str | Sequence[str] | None, twin: bool | nn.Module, replicas: Sequence[Model],
    views: Views | float | Any, seed: int, settings: Settings,
) -> Census:  # fmt: skip
    """The same for a model and data that are open already."""
    if settings.see and source.kind != "images":
        raise CensusError(refusal(source.kind))
    if settings.see and not source.reusable:
        raise CensusError("Pictures of concepts need data that can be read twice. Got an iterator.")
    plan = make_plan(model, source, layers, twin, replicas, views, seed, settings)
    with _folder(settings) as folder:
        spool = Spool.start(folder, plan.identity, settings.resume)
        about = _run(plan, spool)
        classes = classes_of(spool, plan.nets[0], settings, source.class_names)
        held = spread(model, plan, narrowest(plan.nets[0].layers), classes, about["memory_format"]["name"])
        if settings.share is not None:
            keep_share(spool, plan, about, source.class_names, held)
        census = Census.of(summarise(spool, plan.nets, source.class_names, about, settings, seed, held))
        if settings.out is not None:
            census = _with_earlier(census, Path(settings.out))
            census.save(settings.out)
        if settings.share is None:
            census = _examined(census, plan, about["memory_format"]["name"])
            census = _seen(census, plan, model)
            spool.clear()
    return census


def _examined(census: Census, plan: Plan, format: str) -> Census:
    """The census with pictures of the examples that its units respond to most; the numbers are safe by now."""
    gallery = examine(census.gallery, plan.nets[0], plan.source, census.units, format, plan.settings)
    census = replace(census, gallery=gallery)
    if plan.settings.out is not None:
        census.save(plan.settings.out)
    return census


def _saver(folder: Path) -> Callable[[Census], None]:
    def keep(census: Census) -> None:
        census.save(folder)

    return keep


def _with_earlier(census: Census, folder: Path) -> Census:
    """The census with the pictures that an interrupted run for the same weights had made already."""
    if not (folder / "census.json").is_file():
        return census
    try:
        earlier = load(folder)
    except CensusError:
        return census
    if earlier.about.get("weights") != census.about["weights"]:
        return census
    made, words = earlier.gallery.made, earlier.gallery.made_by
    return replace(census, gallery=replace(census.gallery, made=made, made_by=words))


def _seen(census: Census, plan: Plan, model: Model) -> Census:
    """The census with pictures made for its concepts, where they were asked for."""
    settings = plan.settings
    if not settings.see:
        return census
    options = SeeOptions(seed=plan.seed, progress=settings.progress)
    keep = (lambda census: None) if settings.out is None else _saver(Path(settings.out))
    census, interrupted = see_census(census, model, plan.source, options, settings.see, None, keep)
    if interrupted:
        raise KeyboardInterrupt
    return census


def _run(plan: Plan, spool: Spool) -> dict[str, Any]:
    """Count into `spool`; what is known about the count afterwards, as JSON."""
    share = plan.settings.share
    with _fast(plan) as speed:
        count(plan.nets, plan.source, plan.views, spool, plan.settings, plan.seed)
    if len(spool.done) == 0 and share is not None:
        raise CensusError(f"Share {share[0]} of {share[1]} holds no example. Cut the data into fewer shares.")
    if len(spool.done) == 0:
        raise CensusError("data must hold at least one example. Got none.")
    about = plan.about | {"data": dict(plan.source.about)} | spool.counted() | {"memory_format": speed}
    if spool.unmasked:
        about["mask_unfit"] = list(spool.unmasked)
    return about if share is None else about | {"share": list(share)}


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
def _fast(plan: Plan) -> Iterator[dict[str, Any]]:
    """All nets in the faster memory format for as long as the count takes."""
    nets = [net.net for net in plan.nets]
    picked = _Format(plan.settings.memory_format, {})
    if plan.settings.memory_format == "auto":
        picked = _Format(*pick_format(nets[0], plan.probe.for_net(nets[0])))
    with memory_formats(nets, picked.name):
        yield {"name": picked.name, "seconds": picked.seconds}


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
        return survey(opened.net, source.first(PROBE).for_net(opened.net))
    if opened.example is None:
        raise CensusError(
            f"{opened.name} needs an input to be looked at. Name data as well: layercensus layers MODEL DATA."
        )
    return survey(opened.net, opened.example())
