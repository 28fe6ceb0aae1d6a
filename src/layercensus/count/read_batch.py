"""Everything that is read of one batch: every net's layers, and of the panel's examples two perturbed views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.batch import Batch
from ..data.keys import key
from ..data.views import make_view
from ..errors import NotFiniteError
from ..layers.device import device_of
from ..layers.layer import Layer
from ..layers.net import call
from ..layers.tap import tap
from ..settings import Settings
from ..tally import Reading, Sketch, reduce_output
from ..tally.slab import on_host
from .nets import LayerKey, Net
from .one_by_one import CLEAN, Chance, Spots, naming, not_reached, one_by_one
from .panel_sampler import Everyone, PanelSampler
from .plan import Plan

Readings = dict[LayerKey, Reading]
Sketches = Mapping[str, Sketch]  # by layer


@dataclass(frozen=True)
class BatchReadings:
    """All readings of one batch; it counts as a whole or not at all."""

    ids: tuple[str, ...]
    keys: Tensor  # (examples,) int64
    labels: Tensor  # (examples,) int64, -1 without
    groups: Tensor  # (examples,) int64, the own key without
    rows: Tensor  # (chosen,) int64, which of them are in the panel
    clean: Readings
    a: Readings  # of the panel's examples in one perturbed view
    b: Readings  # and in another
    counted: bool = True  # False: read once more for the panel alone
    passes: tuple[Pass, ...] = ()  # those on a device that may not be over yet: to be checked before it counts


def sketches_of(net: Net, masked: bool, settings: Settings, seed: int) -> Sketches:
    """One for each layer with a map: the same for every net, so that their maps can be compared.

    None where examples have masks: what a mask leaves out must not enter a distance.
    """
    if masked or not settings.dimension:
        return {}
    maps = [layer for layer in net.layers if len(layer.shape) > 1 and prod(layer.shape) > layer.width]
    return {layer.name: Sketch(layer.name, layer.shape, layer.unit_axis, settings.sketch, seed) for layer in maps}


def read_batch(plan: Plan, batch: Batch, sampler: PanelSampler | Everyone, sketches: Sketches) -> BatchReadings:
    """Everything that is read of one batch."""
    keys = keys_of(batch)
    rows = torch.from_numpy(sampler.choose(keys))
    spots = Spots(rows, draws_of(keys[rows.numpy()], plan.settings.spots, plan.seed))
    passes: list[Pass] = []
    clean = _read(plan, batch, spots, sketches, passes)
    a: Readings = {}
    b: Readings = {}
    if len(rows):
        chosen, there = batch.take(rows), device_of(plan.nets.trained.net)
        views = (make_view(plan.views, chosen, plan.seed, view, device=there) for view in (0, 1))
        a, b = (_read(plan, shown, Spots(), {}, passes, view) for view, shown in enumerate(views))
    labels = batch.labels if batch.labels is not None else torch.full((len(keys),), -1)
    own = torch.from_numpy(keys)
    groups = batch.sources(own)
    return BatchReadings(batch.ids, own, labels.long().cpu(), groups, rows, clean, a, b, passes=tuple(passes))


def keys_of(batch: Batch) -> NDArray[np.int64]:
    """(examples,) the keys of a batch's ids."""
    return np.array([key(id) for id in batch.ids], dtype=np.int64)


def draws_of(keys: NDArray[np.int64], spots: int, seed: int) -> Tensor:
    """Where each example's maps are read, from its key alone: (examples, spots) in [0, 1)."""
    draws = [np.random.default_rng([seed, int(k) & (2**64 - 1)]).random(spots, dtype=np.float32) for k in keys]
    return torch.from_numpy(np.stack(draws)) if draws else torch.zeros(0, spots)


def _read(
    plan: Plan, batch: Batch, spots: Spots, sketches: Sketches, passes: list[Pass], view: int = CLEAN
) -> Readings:
    readings: Readings = {}
    for net in plan.nets:
        chance = Chance(plan.seed, view) if plan.nets.alone else None
        readings |= read_net(net, batch, spots, sketches, chance=chance, passes=None if chance else passes)
    return readings


def read_net(
    net: Net, batch: Batch, spots: Spots, sketches: Sketches, *, chance: Chance | None = None,
    passes: list[Pass] | None = None,
) -> Readings:  # fmt: skip
    """What is read of each layer of a net: one forward pass, or with `chance` one for each example by itself.

    passes: takes the pass where the net is on a device and goes on after this returns; None: it is waited for.
    """
    reader = _Reader(net, sketches, passes)
    with tap(net.net, net.layers, reader.take):
        return reader.passed(batch, spots) if chance is None else one_by_one(net, batch, spots, chance, reader.passed)


class _Reader:
    """What the layers of a net are read into, pass by pass: the hooks stand through all passes of a batch."""

    def __init__(self, net: Net, sketches: Sketches, passes: list[Pass] | None) -> None:
        self._net, self._sketches, self._passes = net, sketches, passes
        self._batch: Batch
        self._spots = Spots()
        self._readings: Readings = {}
        self._there: dict[torch.device, tuple[Tensor | None, ...]] = {}
        self._sums: list[tuple[Layer, Tensor, Tensor]] = []  # of layers on a device: their means, and these added up

    def take(self, layer: Layer, x: Tensor) -> None:
        """A layer has given this."""
        mask, rows, draws = self._beside(x.device)
        sketch = self._sketches.get(layer.name)
        reading = reduce_output(x, layer.unit_axis, mask=mask, rows=rows, draws=draws, sketch=sketch)
        read = reading.mean if reading.reached is None else reading.mean.masked_fill(~reading.reached[:, None], 0)
        if on_host(read.device):
            self._check(layer, read)
        else:  # looked at once, when the pass is over
            self._sums.append((layer, read, read.sum()))
        self._readings[self._net.key(layer)] = reading

    def _beside(self, device: torch.device) -> tuple[Tensor | None, ...]:
        """The mask, and which positions are read, on a device: brought there once a pass."""
        if device not in self._there:
            beside = self._batch.mask, self._spots.rows, self._spots.draws
            self._there[device] = tuple(None if x is None else x.to(device) for x in beside)
        return self._there[device]

    def _check(self, layer: Layer, read: Tensor) -> None:
        _finite(read, layer, self._batch, self._net.name)

    def _check_sums(self) -> None:
        """The same for all layers that are on a device, now or when the pass is asked about."""
        if not self._sums:
            return
        begun = Pass.of(self._sums, self._batch, self._net.name)
        if self._passes is None:
            begun.check()
        else:
            self._passes.append(begun)

    def passed(self, batch: Batch, spots: Spots) -> Readings:
        """The readings of one forward pass."""
        net = self._net
        self._batch, self._spots, self._readings, self._there, self._sums = batch, spots, {}, {}, []
        inputs = batch.for_net(net.net)
        with naming(batch):
            call(net.net, inputs)
        self._check_sums()
        if len(batch.ids) == 1:
            missed = [layer for layer in net.layers if net.key(layer) not in self._readings]
            here = {key: reading.on_cpu() for key, reading in self._readings.items()}
            return here | {net.key(layer): self._nothing(layer) for layer in missed}
        return self._readings

    def _nothing(self, layer: Layer) -> Reading:
        sketch, rows = self._sketches.get(layer.name), self._spots.rows
        return not_reached(layer.width, rows is not None and len(rows) > 0, 0 if sketch is None else sketch.bins)


@dataclass(frozen=True)
class Pass:
    """A forward pass on a device, which may still be at work: what tells, when it is over, whether all was finite."""

    read: Sequence[tuple[Layer, Tensor]]
    batch: Batch
    net: str
    finite: Tensor  # () bool, on its way to the host
    over: torch.cuda.Event | None  # when it is there; None where it is

    @classmethod
    def of(cls, sums: Sequence[tuple[Layer, Tensor, Tensor]], batch: Batch, net: str) -> Pass:
        """Of layers with their means and what these add up to."""
        first = sums[0][2].device
        finite, over = torch.stack([one.to(first) for _, _, one in sums]).isfinite().all(), None
        if first.type == "cuda":
            finite = torch.empty((), dtype=torch.bool, pin_memory=True).copy_(finite, non_blocking=True)
            over = torch.cuda.Event()  # type: ignore[no-untyped-call]
            over.record(torch.cuda.current_stream(first))
        return cls([(layer, read) for layer, read, _ in sums], batch, net, finite, over)

    def check(self) -> None:
        """Wait until the pass is over.

        Raises:
            NotFiniteError: a layer's responses are not finite.
        """
        if self.over is not None:
            self.over.synchronize()
        if not bool(self.finite):
            for layer, read in self.read:
                _finite(read, layer, self.batch, self.net)


def _finite(mean: Tensor, layer: Layer, batch: Batch, net: str) -> None:
    if torch.isfinite(mean.sum()):
        return
    bad = (~torch.isfinite(mean)).nonzero()
    if len(bad) == 0:
        return
    row, unit = bad[0].tolist()
    value = "NaN" if mean[row, unit].isnan() else "inf"
    raise NotFiniteError(
        f"Activations must be finite. Got {value} in layer {layer.name!r} of the {net} net, unit {unit}, "
        f"for example {batch.ids[row]!r}. With a results folder, what is counted so far is kept.",
        layer.name,
    )
