"""From a model and data to a census: the whole way in one function."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from .census.census import Census, load
from .census.columns import Columns
from .census.directions import ends_by_layer
from .census.record import holds_census
from .census.summarise import classes_of, summarise
from .census.used import with_lost
from .concepts.ask import ask_concepts, identity_of
from .concepts.open import open_concepts
from .concepts.sets import ConceptSet
from .count.count import count
from .count.fit import suited
from .count.memory import freed_memory, kept_memory
from .count.plan import Asked, Plan, make_plan
from .count.probe import choose_probe
from .count.room import foresee
from .count.shards import Counted, write_shard
from .count.shown import read_shown_otherwise
from .count.store import COUNTING, SHARD, Store
from .count.threads import worth_their_threads
from .count.untrained import UntrainedCounts, untrained_counts
from .data.batch import Batch
from .data.done import in_words
from .data.files import check_free, writable
from .data.open import open_data
from .data.user_code import user_code_in
from .data.views import Views
from .errors import CensusError
from .gallery.gallery import RANKS
from .gallery.top_examples import top_examples
from .intervene.answers import Choice, named
from .intervene.ask import ask_needs, check_answers
from .intervene.fates import ask_fates
from .layers.device import asked_device, device_of, on_device
from .layers.layer import Layer
from .layers.memory_format import memory_format, pick_format
from .layers.net import unwrap
from .layers.survey import survey
from .layers.torch_state import DTYPES, as_called, forward_in, neutral
from .measures import MEASURES, Measure
from .measures.place import heavy_on
from .models.model import Model
from .models.open import open_model
from .settings import Settings, boolean, check_seed
from .visualise.input_space import refusal
from .visualise.of_census import see_census
from .visualise.options import SeeOptions


@kept_memory()
@neutral()
@user_code_in(as_called)
def take(
    model: nn.Module | Model | str,
    data: Any,
    *,
    layers: str | Sequence[str] | None = None,
    measures: Sequence[Measure] | None = None,
    twin: bool | nn.Module = True,
    replicas: Sequence[nn.Module | Model | str] = (),
    labels: Sequence[Any] | None = None,
    concepts: Any = None,
    groups: Sequence[Any] | str | None = None,
    views: Views | float | Any = None,
    output: Choice = None,
    device: str | None = None,
    seed: int = 0,
    settings: Settings | None = None,
) -> Census:
    """A census of `model` on `data`: what each layer's units do, beside an untrained twin of the same architecture.

    model: an nn.Module or a short name ("efficientnet-lite:0", "hf:FOLDER", "module:factory", "digits").
    data: an array or tensor, a Dataset, a DataLoader, an iterable of batches, or a short name ("digits",
        "images:FOLDER", "npz:FILE", "text:FILE", "module:factory"). A batch is inputs, (inputs,), (inputs, labels) or
        a dict with "inputs" and optionally "labels", "groups", "ids", "mask".
    layers: globs over dotted layer names; None counts every nonlinearity, every block and the last layer.
    measures: what is asked of each layer; None for `layercensus.MEASURES`. One's own come last:
        `(*layercensus.MEASURES, mine)`; see docs/measures.md.
    twin: True re-initialises a copy with `seed` and re-estimates its normalisation statistics on the data; a module is
        used as it is; False does without.
    replicas: further trained nets of the same architecture.
    labels: one per example in row order, as integers or names; overrides those in the data. None, NaN, a negative
        number: this one has no label.
    concepts: what people have words for, to be looked for in every layer: "labels", "plain" (brightness, colours,
        edges; of text the shapes of lines and tokens), "folders" (of category/name/picture), "alpha", "masks:FOLDER",
        "tags:FILE", "FILE.csv"; a DataFrame; a dict from names to columns (booleans, integers, names, lists of names)
        or to functions of an example; `lc.concepts.masks(...)`, `lc.concepts.tags(...)`; or a list of such. See
        docs/concepts.md.
    groups: one per example in row order, as integers or names: which examples come from one source (the crops of one
        photograph, the sentences of one document), so that they are drawn together and never lie in both halves of the
        panel. None: this one stands for itself. Overrides those in the data. Or the name of the entry of dicts, or
        array of an npz file, that names them, "groups" being known without.
    views: how an example is perturbed to tell signal from noise: None for the default of the kind of data, a number for
        its strength, or a function (example, numpy Generator) -> example.
    output: what the net's answer is, of which is asked on how many directions of each layer it rests: None for its
        first floating-point output, where scores of classes are centred; a key or index of its output, or a function
        of it whose result, a tensor with the examples on axis 0, is taken as it is.
    device: where the nets run, as `Settings(device=...)`: None where they are, "auto", "cuda", "mps" or "cpu". They are
        brought there for as long as it takes, and back.

    Cost: one forward pass per net over all data and two over the panel's examples (at most `settings.panel`); with an
    own twin some 800 more for each of `settings.twins` untrained nets, which tell how much such nets differ. For the
    report's pictures the examples that units respond to most are read again (at most `settings.pictures`).

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    >>> census = lc.take(net, x, twin=False, settings=lc.Settings(progress=False))
    >>> census.layers["layer"].tolist()
    ['1', '2']

    Raises:
        CensusError: one line that says what must be changed.
    """
    settings, measures = _checked(settings, device), MEASURES if measures is None else measures
    if not isinstance(twin, nn.Module):
        twin = boolean("twin", twin)
    if isinstance(replicas, nn.Module | Model | str) or not isinstance(replicas, Sequence):
        raise CensusError(f"replicas must be a list of models. Got {type(replicas).__name__}.")
    Columns.of(measures)
    seed, there = check_seed(seed), asked_device(settings.device)
    _check_room(settings)
    opened = open_model(model)
    source = open_data(
        data, prepare=opened.prepare, labels=labels, groups=groups, limit_bad=settings.limit_bad,
        workers=settings.workers,
    )  # fmt: skip
    if settings.see and source.kind != "images":
        raise CensusError(refusal(source.kind))
    if settings.see and not source.reusable:
        raise CensusError("Optimised images of concepts need data that can be read twice. Got an iterator.")
    sets = open_concepts(concepts, source)
    asked = Asked(layers, twin, [open_model(run, "replica") for run in replicas], views, seed)
    nets = [unwrap(model.net) for model in (opened, *asked.replicas)]
    with on_device([*nets, *([twin] if isinstance(twin, nn.Module) else [])], there):
        with forward_in(DTYPES.get(settings.dtype), device_of(nets[0]).type):
            plan = make_plan(opened, source, asked, settings)
            identity = {**plan.identity, "output": named(output)}
            plan = replace(plan, identity=identity | ({"concepts": identity_of(sets)} if sets else {}))
            check_answers(plan, output)
            if settings.progress:
                print(f"inputs: {in_words(plan.source.about)}", file=sys.stderr)
            return _counted(opened, plan, tuple(measures), output, sets)


def _check_room(settings: Settings) -> None:
    """Refuse to count into a folder with a finished census or shard, unless that was asked for."""
    if settings.out is None:
        return
    out = Path(settings.out)
    begun, is_shard = (out / COUNTING).exists(), (out / COUNTING / SHARD).is_file()
    holds = "a counted shard" if is_shard else "a census" if out.is_dir() and holds_census(out) else ""
    if holds and not begun and not settings.overwrite:
        raise CensusError(f"{out} already holds a finished census. Pass another out, or overwrite=True.")
    check_free(out, holds=holds, overwrite=settings.overwrite, resume=settings.resume)


def _checked(settings: Settings | None, device: str | None) -> Settings:
    if settings is not None and not isinstance(settings, Settings):
        raise CensusError(f"settings must be layercensus.Settings. Got {type(settings).__name__}.")
    settings = settings or Settings()
    return settings if device is None else replace(settings, device=device)


def _counted(
    model: Model, plan: Plan, measures: Sequence[Measure], output: Choice, sets: Sequence[ConceptSet]
) -> Census:
    """Count, measure, save, and draw what the report shows; the numbers are safe before anything is drawn."""
    settings = plan.settings
    net = plan.nets.trained.net
    with _folder(settings) as folder, freed_memory(net), heavy_on(device_of(net)):
        foreseen = foresee(plan.nets, plan.source.length, measures, settings, folder)
        store = Store.start(folder, plan.identity, settings.resume)
        with worth_their_threads(plan):
            counted, fitted = _passed(plan, store, measures)
            plan = replace(plan, settings=replace(settings, batch=fitted))
            counted = replace(counted, provenance=replace(counted.provenance, forecast=foreseen))
            format = str(counted.provenance.memory_format["name"])
            classes = classes_of(store, counted, settings)
            untrained = untrained_counts(model, plan, classes, format)
            with _in_format(plan, format):
                needs = ask_needs(model, plan, store, output, classes=classes, format=format)
                shown = read_shown_otherwise(plan, store)
            provenance = replace(
                counted.provenance, untrained_failed=untrained.failed, needs=needs, shown=shown,
                concepts=ask_concepts(plan, store, sets),
            )  # fmt: skip
        counted = replace(counted, untrained=untrained, provenance=provenance)
        if settings.shard is not None:
            write_shard(store, counted)
        census = Census.of(summarise(store, counted, measures, settings))
        if settings.shard is None:
            with _in_format(plan, format):
                lost, why = ask_fates(plan, store, output, census.units, classes=classes)
            census = with_lost(census, lost, why)
        if settings.out is not None:
            census = _with_earlier(census, Path(settings.out))
            census.save(settings.out)
        if settings.shard is None:
            census = _with_examples(census, plan, format)
            census = _with_visualisations(census, plan, model)
            store.clear()
    return census


def _passed(plan: Plan, store: Store, measures: Sequence[Measure]) -> tuple[Counted, int]:
    """Count into `store`; what is known of the count afterwards, and the batch size that fitted in memory."""
    shard = plan.settings.shard
    with _fast(plan) as format:
        met_late, fitted = count(plan, store)
    if len(store.done) == 0 and shard is not None:
        raise CensusError(f"Shard {shard[0]} of {shard[1]} holds no example. Cut the data into fewer shards.")
    if len(store.done) == 0:
        raise CensusError("data must hold at least one example. Got none.")
    examples, ids = store.counted()
    provenance = replace(
        plan.provenance, data=dict(plan.source.about), examples=examples, ids=ids, memory_format=format,
        mask_unfit=store.unmasked, met_late=met_late, shard=shard, measures=tuple(each.name for each in measures),
        copies=dict(plan.source.copies),
    )  # fmt: skip
    names = tuple(plan.source.class_names) if plan.source.class_names else None
    return Counted(plan.nets, names, provenance, UntrainedCounts()), fitted


def _with_examples(census: Census, plan: Plan, format: str) -> Census:
    """The census with the examples that its units respond to most, for the report."""
    gallery = top_examples(
        census.gallery, plan.nets.trained, source=plan.source, units=census.units, ends=ends_by_layer(census, RANKS),
        format=format, settings=plan.settings,
    )  # fmt: skip
    census = replace(census, gallery=gallery)
    if plan.settings.out is not None:
        census.save(plan.settings.out)
    return census


def _with_earlier(census: Census, folder: Path) -> Census:
    """The census with the optimised images that an interrupted run for the same weights has already."""
    if not holds_census(folder):
        return census
    try:
        earlier = load(folder)
    except CensusError:
        return census
    if earlier.provenance.weights != census.provenance.weights:
        return census
    images, method = earlier.gallery.visualisations, earlier.gallery.method
    return replace(census, gallery=replace(census.gallery, visualisations=images, method=method))


def _with_visualisations(census: Census, plan: Plan, model: Model) -> Census:
    """The census with optimised images of its concepts, where they were asked for."""
    settings = plan.settings
    if not settings.see:
        return census
    options = SeeOptions(seed=plan.seed, progress=settings.progress)
    keep = (lambda census: None) if settings.out is None else _saver(Path(settings.out))
    census, interrupted = see_census(census, model, plan.source, options=options, each=settings.see, keep=keep)
    if interrupted:
        raise KeyboardInterrupt
    return census


def _saver(folder: Path) -> Callable[[Census], None]:
    def keep(census: Census) -> None:
        census.save(folder)

    return keep


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    if settings.out is not None:
        out = Path(settings.out)
        with writable(out):
            out.mkdir(parents=True, exist_ok=True)
        if settings.overwrite and (out / COUNTING).exists():  # only now that nothing else can be refused
            shutil.rmtree(out / COUNTING)
        yield out / COUNTING
        return
    with tempfile.TemporaryDirectory(prefix="layercensus-") as folder:
        yield Path(folder)


@contextmanager
def _fast(plan: Plan) -> Iterator[Mapping[str, Any]]:
    """All nets in the faster memory format for as long as the count takes."""
    net = plan.nets.trained.net
    name = plan.settings.memory_format
    seconds: dict[str, float] = {}
    if name == "auto":
        name, seconds = pick_format(net, plan.probe.for_net(net))
    with _in_format(plan, name):
        yield {"name": name, "seconds": seconds}


@contextmanager
def _in_format(plan: Plan, name: str) -> Iterator[None]:
    """All nets in a memory format."""
    with ExitStack() as stack:
        for net in plan.nets:
            stack.enter_context(memory_format(net.net, name))
        yield


@neutral()
@user_code_in(as_called)
def layers_of(model: nn.Module | Model | str, data: Any = None, *, device: str | None = None) -> tuple[Layer, ...]:
    """Every layer of a model in the order of the forward pass, and which are counted by default.

    data: where the model has no example input of its own; a few of its examples are passed through. device: as for
    `take`.

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> [layer.name for layer in lc.layers_of(net, torch.randn(3, 4)) if layer.default]
    ['1', '2']

    Raises:
        CensusError: the model needs data, or does not take it.
    """
    there, opened = asked_device(device), open_model(model)
    net, source = unwrap(opened.net), None if data is None else open_data(data, prepare=opened.prepare)
    if source is None and opened.example is None:
        raise CensusError(
            f"{opened.name} needs an input to show its layers. Pass data as well: layers_of(model, data)."
        )
    with on_device([net], there):
        if source is not None:
            source = suited(opened, source)
            return survey(net, choose_probe(net, source).for_net(net))
        assert opened.example is not None
        return survey(net, Batch(opened.example(), ("example",)).for_net(net))
