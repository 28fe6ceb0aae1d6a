"""What a count needs before it begins: every net with its layers, the data, the views, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from torch import nn

from ..data.batch import Batch, tensors
from ..data.other_views import OtherViews, other_views
from ..data.replay import Replay
from ..data.source import Source
from ..data.unique import Unique
from ..data.views import Views, make_view, open_views
from ..errors import CensusError, some_of
from ..layers.arguments import check_arguments
from ..layers.device import device_of, in_words
from ..layers.layer import Layer
from ..layers.net import unwrap
from ..layers.select import select, silent
from ..layers.survey import survey
from ..models.fingerprint import weights
from ..models.model import Model
from ..models.same import refuse_same
from ..models.twin import calibrate, untrained
from ..models.unestimated import unestimated
from ..models.untrained_looks import looks_untrained
from ..settings import Settings
from .calibration import CALIBRATION, calibration
from .fit import suited
from .nets import TWIN, Net, Nets, replica
from .probe import choose_probe
from .provenance import NO_TWIN, Provenance
from .versions import versions

TIMED = 8  # examples that the memory formats are timed on


@dataclass(frozen=True)
class Asked:
    """What the user asks to be counted of a model and data, as `layercensus.take` describes it."""

    layers: str | Sequence[str] | None = None
    twin: bool | nn.Module = True
    replicas: Sequence[Model] = ()
    views: Views | float | Any = None
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """A count that can begin."""

    nets: Nets
    source: Source
    views: Views
    probe: Batch  # a few examples, for timing
    provenance: Provenance
    identity: Mapping[str, Any]  # what must be equal for two counts to be of the same thing
    settings: Settings
    own_twin: bool  # the twin was initialised here, so more untrained nets can be
    other_views: OtherViews | None = None  # beside `views`; None for views of the user's own
    unreached: tuple[str, ...] = ()  # modules with parameters that no pass of the survey called

    @property
    def seed(self) -> int:
        """The seed of all randomness."""
        return self.provenance.seed


def make_plan(model: Model, source: Source, asked: Asked, settings: Settings) -> Plan:
    """Survey the layers, make the twin, and say what will be counted.

    Raises:
        CensusError: one line that says what must be changed.
    """
    source = Unique(suited(model, source))
    if not source.reusable:
        source = Replay(source, CALIBRATION, settings.batch)
    views = open_views(asked.views, source)
    timed = source.first(TIMED)
    net = unwrap(model.net)
    check_arguments(net, timed.first(1).for_net(net))
    probe = choose_probe(net, source, asked.layers)
    surveyed = survey(net, probe.for_net(net), unit_axis=settings.unit_axis)
    trained = Net("trained", net, select(net, surveyed, asked.layers))
    twin, how, shared = _twin(trained, model, source, asked, probe)
    runs = [unwrap(run.net) for run in asked.replicas]
    nets = Nets(
        trained, twin, tuple(_same_layers(replica(n), run, trained, probe, settings) for n, run in enumerate(runs))
    )
    counted = {layer.name for layer in trained.layers}
    unreached = silent(net, surveyed)
    provenance = Provenance(
        model=model.name,
        weights={each.name: weights(each.net) for each in nets},
        origin=dict(model.about) | ({"classes": len(model.classes)} if model.classes else {}),
        prepare=model.prepare.describe() if model.prepare else None,
        data=dict(source.about),
        classes=tuple(source.class_names) if source.class_names else None,
        views=views.name,
        twin=how,
        shared=shared,
        looks_untrained=looks_untrained(net),
        unestimated=unestimated(net),
        replicas=len(nets.replicas),
        seed=asked.seed,
        settings=settings.that_count(),
        layers=tuple(map(_read, trained.layers)),
        not_counted=tuple(f"{s.name} ({s.problem})" if s.problem else s.name for s in surveyed if s.name not in counted)
        + tuple(f"{name} ({why})" for name, why in unreached),
        alone=_alone(nets),
        versions=versions() | {"device": in_words(device_of(net))},
        bare=tuple(s.name for s in surveyed if s.bare and s.name not in counted),
    )
    identity = _identity(provenance, nets, _content(_few(source, timed), views), settings)
    return Plan(
        nets,
        source,
        views,
        timed,
        provenance,
        identity,
        settings,
        asked.twin is True,
        other_views(asked.views, source) if settings.other_views else None,
        tuple(name for name, _ in unreached),
    )


def _twin(
    trained: Net, model: Model, source: Source, asked: Asked, probe: Batch
) -> tuple[Net | None, str, Mapping[str, list[str]]]:
    """The twin, statistics estimated on the data; where it comes from, in words; what it shares with the net."""
    if asked.twin is False:
        return None, NO_TWIN, {}
    if isinstance(asked.twin, nn.Module):
        return Net(TWIN, unwrap(asked.twin), trained.layers), "a user-supplied module, used as it is", {}
    net, how = untrained(model, asked.seed)
    net = unwrap(net)
    some = probe.first(1) if any(layer.alone is not None for layer in trained.layers) else probe
    shared = refuse_same(trained.net, net, trained.layers, some.for_net(trained.net), own=model.fresh is None)
    normalisations = calibrate(net, (batch.for_net(net) for batch in calibration(source)))
    if normalisations:
        how += f"; statistics of {normalisations} normalisation layers re-estimated on {CALIBRATION} examples at most"
    return Net(TWIN, net, trained.layers), how, shared


def _same_layers(name: str, net: nn.Module, trained: Net, probe: Batch, settings: Settings) -> Net:
    own = {layer.name: layer for layer in survey(net, probe.for_net(net), unit_axis=settings.unit_axis)}
    missing = [layer.name for layer in trained.layers if layer.name not in own]
    if missing:
        raise CensusError(f"A replica must have the model's layers. Got one without {missing[0]!r}.")
    return Net(name, net, tuple(own[layer.name] for layer in trained.layers))


def _alone(nets: Nets) -> str:
    """Why examples pass through the nets one by one; "" where they do not."""
    because: dict[str, list[str]] = {}
    for layer in (layer for net in nets for layer in net.layers if layer.alone is not None):
        names = because.setdefault(str(layer.alone), [])
        names += [] if layer.name in names else [layer.name]
    return "; ".join(f"{some_of(names)}: {why}" for why, names in because.items())


def _read(layer: Layer) -> dict[str, Any]:
    """How a layer's output is read, as JSON."""
    return {
        "layer": layer.name, "unit_axis": layer.unit_axis, "axis_from": layer.axis_from, "width": layer.width,
        "shape": list(layer.shape), "also": list(layer.also),
    }  # fmt: skip


def _identity(provenance: Provenance, nets: Nets, content: str, settings: Settings) -> dict[str, Any]:
    """What must be equal for a count to be resumed, as JSON."""
    known = provenance.as_json()
    data = {name: value for name, value in known["data"].items() if name != "skipped"}
    # statistics of the twin are left out: estimated on another machine they differ in the last bits
    hashes = {net.name: weights(net.net, statistics=net is not nets.twin) for net in nets}
    return {name: known[name] for name in ("views", "seed", "settings", "layers")} | {
        "weights": hashes, "data": data, "examples": content, "shard": settings.shard and list(settings.shard),
    }  # fmt: skip


def _few(source: Source, timed: Batch) -> Sequence[Batch]:
    """The first TIMED examples; of a stream one by one, since how they come together depends on the batch size."""
    return [timed] if source.ids is not None else list(source.peek(TIMED, 1))


def _content(some: Sequence[Batch], views: Views) -> str:
    """Hash of a few examples as the net is given them, of what is known of them, and of a view of the first."""
    digest = sha256("|".join(id for batch in some for id in batch.ids).encode())
    shown = make_view(views, some[0].first(1), 0, 0)
    given = [x for b in some for x in (*tensors(b.inputs), *(y for y in (b.labels, b.groups) if y is not None))]
    for tensor in (*given, *tensors(shown.inputs)):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
