"""How much untrained nets differ among themselves: the yardstick for every excess over one of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor

from ..data.batch import Batch
from ..data.keys import key
from ..data.replay import portions
from ..data.views import make_view
from ..errors import CensusError
from ..layers.device import device_of
from ..layers.layer import Layer
from ..layers.memory_format import memory_format
from ..measures import Column, Evidence, Outcome, measure
from ..measures.distinct import distinct
from ..measures.informative import informative
from ..measures.live import live
from ..measures.reliability import reliability
from ..models.model import Model
from ..models.twin import calibrate, untrained
from ..progress import tqdm
from ..tally import Panel, Streams, joined_spots
from .calibration import calibration
from .enough_memory import enough_memory
from .json_types import fits
from .nets import Net, untrained_net
from .one_by_one import CLEAN, Chance, Spots
from .plan import Plan
from .read_batch import Readings, draws_of, keys_of, read_net

BATCHES = 6  # of the twin's calibration, that each untrained net is counted on
NEEDED = (live, reliability, distinct, informative)
STEP = 1_000_003  # between the seeds of the nets
Values = dict[str, list[float]]  # layer -> a value for each net


@dataclass(frozen=True)
class UntrainedCounts:
    """Counts of every layer in several untrained nets and in the trained one, all on the same few examples.

    trained: column -> layer -> value. nets: column -> layer -> a value for each untrained net, the twin first. A value
    that does not apply is nan.
    """

    trained: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    nets: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    failed: tuple[str, ...] = ()  # why nets are missing that should have been counted

    @property
    def count(self) -> int:
        """How many untrained nets there are."""
        return max((len(values) for layers in self.nets.values() for values in layers.values()), default=0)

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON, which knows no nan."""
        return {"trained": _without_nan(self.trained), "nets": _without_nan(self.nets)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The counts whose `as_json` this was.

        Raises:
            ValueError: they are of another type.
        """
        trained, nets = values["trained"], values["nets"]
        if not fits(trained, Mapping[str, Mapping[str, Any]]) or not fits(nets, Mapping[str, Mapping[str, Any]]):
            raise ValueError("untrained is of another type")
        return cls(_with_nan(trained), _with_nan(nets))


def untrained_counts(model: Model, plan: Plan, classes: int, format: str) -> UntrainedCounts:
    """Counts of each layer in `settings.twins` untrained nets and in the trained one, all on the same few examples.

    The first untrained net is the twin; the others are initialised and calibrated as it was, and judged as a trained
    net would be: their class information is compared with the twin's, and the twin's own is missing. A net that cannot
    be counted is left out. Cost: a calibration on 256 examples and three passes over 192 for each net. Empty for one
    twin or none, and for a user-supplied twin.
    """
    twin = plan.nets.twin
    if twin is None or not plan.own_twin or plan.settings.twins < 2:
        return UntrainedCounts()
    batches = list(calibration(plan.source))
    some = [part for batch in batches[:BATCHES] for part in portions(batch, plan.settings.batch, None)]
    others = [partial(another_untrained, model, plan, batches, n) for n in range(1, plan.settings.twins)]
    with tqdm(total=len(others) + 2, desc="untrained nets", unit="net", disable=not plan.settings.progress) as bar:
        try:
            first = _counted(twin, some, plan, classes, {}, format)
            bar.update()
            eta2 = {layer: outcome.units.get("eta2", torch.zeros(0)) for layer, outcome in first.items()}
            trained = _counted(plan.nets.trained, some, plan, classes, eta2, format)
            bar.update()
        except CensusError as error:  # nothing to compare the others with
            return UntrainedCounts(failed=(str(error),) * plan.settings.twins)
        every, failed = [first], list[str]()
        for make in others:
            try:
                every.append(_counted(make(), some, plan, classes, eta2, format))
            except CensusError as error:
                failed.append(str(error))
            finally:
                bar.update()
    return UntrainedCounts(
        {name: {layer: _value(outcome, name) for layer, outcome in trained.items()} for name in COUNTED},
        {
            name: {layer: [_value(o[layer], name, itself=o is first) for o in every] for layer in first}
            for name in COUNTED
        },
        tuple(failed),
    )  # fmt: skip


def _columns() -> Iterator[tuple[str, Column]]:
    for each in NEEDED:
        yield from each.layer_columns.items()


COUNTED = {name: column for name, column in _columns() if column.trend}


def _value(outcome: Outcome, name: str, itself: bool = False) -> float:
    """The count; missing for the twin where it rests on a comparison with the twin."""
    return math.nan if itself and COUNTED[name].needs_twin else float(outcome.layer.get(name, math.nan))


def another_untrained(model: Model, plan: Plan, batches: Sequence[Batch], number: int) -> Net:
    """A further untrained net, initialised and calibrated as the twin was. number: 1, 2, ..."""
    net, _ = untrained(model, plan.seed + STEP * number)
    calibrate(net, (batch.for_net(net) for batch in batches))
    return Net(untrained_net(number), net, plan.nets.trained.layers)


def _counted(
    net: Net, batches: Sequence[Batch], plan: Plan, classes: int, eta2: Mapping[str, Tensor], format: str
) -> dict[str, Outcome]:
    with memory_format(net.net, format), enough_memory("An untrained net", "Pass a smaller batch"):
        readings = [_read(net, batch, plan) for batch in batches]
        return {
            layer.name: _judged(layer, panel, plan, classes, eta2.get(layer.name))
            for layer, panel in _panels(net, batches, readings, plan.settings.spots)
        }


def _judged(layer: Layer, panel: Panel, plan: Plan, classes: int, eta2: Tensor | None) -> Outcome:
    streams = Streams.empty(layer.width, 1)
    streams.update(panel.mean, panel.peak, panel.key)
    settings = replace(plan.settings, dimension=False, resamples=20, shard=None)
    evidence = Evidence(
        layer.width, streams, panel, settings, plan.nets.narrowest, plan.nets.compared(layer), plan.seed, classes,
        twin_eta2=eta2, is_twin=eta2 is None,
    )  # fmt: skip
    return measure(evidence, NEEDED)


Three = tuple[Readings, Readings, Readings]  # clean, and in two views


def _panels(net: Net, batches: Sequence[Batch], readings: Sequence[Three], most: int) -> Iterator[tuple[Layer, Panel]]:
    """Every layer with its panel of these examples."""
    keys = torch.tensor([key(id) for batch in batches for id in batch.ids])
    groups = torch.cat([batch.sources(torch.from_numpy(keys_of(batch))) for batch in batches])
    order = keys.argsort()
    labels = torch.cat([torch.full((len(b.ids),), -1) if b.labels is None else b.labels.long().cpu() for b in batches])
    for layer in net.layers:
        clean, a, b = ([three[which][net.key(layer)] for three in readings] for which in range(3))
        rows = [torch.cat([getattr(r, name) for r in part]) for part in (clean, a, b) for name in ("mean", "peak")]
        spots = joined_spots([r.mean[:, None] if r.spots is None else r.spots for r in clean], most)
        columns = (keys, labels, *rows, spots, torch.zeros(len(keys), 0), groups)
        yield layer, Panel(torch.tensor(len(keys)), *(column[order] for column in columns)).that_reached()


def _read(net: Net, batch: Batch, plan: Plan) -> Three:
    spots = Spots(torch.arange(len(batch.ids)), draws_of(keys_of(batch), plan.settings.spots, plan.seed))

    def read(batch: Batch, spots: Spots, view: int) -> Readings:
        found = read_net(net, batch, spots, {}, chance=Chance(plan.seed, view) if plan.nets.alone else None)
        return {key: reading.on_cpu() for key, reading in found.items()}

    views = (make_view(plan.views, batch, plan.seed, view, device=device_of(net.net)) for view in (0, 1))
    a, b = (read(shown, Spots(), view) for view, shown in enumerate(views))
    return read(batch, spots, CLEAN), a, b


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    return None if math.isnan(value) else value


def _with_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _with_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_nan(part) for part in value]
    return math.nan if value is None else value
