"""Everything that is read of one batch: every net's layers, and of the panel's examples two perturbed views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.batch import Batch
from ..data.keys import key
from ..data.views import Views, make_view
from ..errors import CensusError
from ..layers.layer import Layer
from ..layers.net import call
from ..layers.tap import tap
from ..settings import Settings
from ..tally import Reading, Sketch, reduce_output

Sketches = Mapping[str, Sketch]  # by layer


@dataclass(frozen=True)
class Net:
    """A net under count and the layers of it that are counted."""

    name: str  # "trained", "twin", "replica0", ...
    net: nn.Module
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Seen:
    """All readings of one batch; it counts as a whole or not at all."""

    ids: tuple[str, ...]
    keys: Tensor  # (examples,) int64
    labels: Tensor  # (examples,) int64, -1 without
    rows: Tensor  # (chosen,) int64, which of them are in the panel
    clean: dict[str, Reading]  # by "net|layer"
    a: dict[str, Reading]
    b: dict[str, Reading]


class PanelSampler:
    """Which examples belong to the panel: those with the smallest keys, decided as they come."""

    def __init__(self, capacity: int, ids: Sequence[str] | None, chosen: NDArray[np.int64]) -> None:
        self.capacity = capacity
        self.kept = np.sort(chosen)[:capacity]
        self.limit: int | None = None
        if ids is not None:
            keys = np.sort(np.fromiter((key(id) for id in ids), dtype=np.int64, count=len(ids)))
            self.limit = int(keys[capacity - 1]) if len(keys) > capacity else int(np.iinfo(np.int64).max)

    def choose(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of a batch that are in the panel, as far as one can know by now."""
        if self.limit is not None:
            return np.flatnonzero(keys <= self.limit)
        full = len(self.kept) == self.capacity
        rows = np.flatnonzero(keys < self.kept[-1]) if full else np.arange(len(keys))
        self.kept = np.sort(np.concatenate([self.kept, keys[rows]]))[: self.capacity]
        return rows


def sketches_of(net: Net, masked: bool, settings: Settings, seed: int) -> Sketches:
    """One for each layer with a map: the same for every net, so that their maps can be compared.

    None where examples have masks: what a mask leaves out must not enter a distance.
    """
    if masked or not settings.dimension:
        return {}
    maps = [layer for layer in net.layers if len(layer.shape) > 1 and prod(layer.shape) > layer.width]
    return {layer.name: Sketch(layer.name, layer.shape, layer.unit_axis, settings.sketch, seed) for layer in maps}


def look(
    nets: Sequence[Net],
    batch: Batch,
    views: Views,
    sampler: PanelSampler,
    sketches: Sketches,
    settings: Settings,
    seed: int,
) -> Seen:
    """Everything that is read of one batch."""
    keys = np.array([key(id) for id in batch.ids], dtype=np.int64)
    rows = torch.from_numpy(sampler.choose(keys))
    draws = draws_of(keys[rows.numpy()], settings.spots, seed)
    clean = _read(nets, batch, rows, draws, sketches)
    a = b = {}
    if len(rows):
        chosen = batch.take(rows)
        a, b = (_read(nets, make_view(views, chosen, seed, view), None, None, {}) for view in (0, 1))
    labels = batch.labels if batch.labels is not None else torch.full((len(keys),), -1)
    return Seen(batch.ids, torch.from_numpy(keys), labels.long().cpu(), rows, clean, a, b)


def draws_of(keys: NDArray[np.int64], spots: int, seed: int) -> Tensor:
    """Where each example's maps are read, from its key alone: (examples, spots) in [0, 1)."""
    draws = [np.random.default_rng([seed, int(k) & (2**64 - 1)]).random(spots, dtype=np.float32) for k in keys]
    return torch.from_numpy(np.stack(draws)) if draws else torch.zeros(0, spots)


def _read(
    nets: Sequence[Net], batch: Batch, rows: Tensor | None, draws: Tensor | None, sketches: Sketches
) -> dict[str, Reading]:
    readings: dict[str, Reading] = {}
    for net in nets:
        readings |= read_net(net, batch, rows, draws, sketches)
    return readings


def read_net(
    net: Net, batch: Batch, rows: Tensor | None, draws: Tensor | None, sketches: Sketches
) -> dict[str, Reading]:
    """One forward pass of one net: what is read of each of its layers, by "net|layer"."""
    readings: dict[str, Reading] = {}

    def sink(layer: Layer, x: Tensor) -> None:
        sketch = sketches.get(layer.name)
        reading = reduce_output(x, layer.unit_axis, mask=batch.mask, rows=rows, draws=draws, sketch=sketch)
        _finite(reading.mean, layer, batch, net.name)
        readings[f"{net.name}|{layer.name}"] = reading

    inputs = batch.for_net(net.net)
    with tap(net.net, net.layers, sink):
        call(net.net, inputs)
    return readings


def _finite(mean: Tensor, layer: Layer, batch: Batch, net: str) -> None:
    if torch.isfinite(mean.sum()):
        return
    bad = (~torch.isfinite(mean)).nonzero()
    if len(bad) == 0:
        return
    row, unit = bad[0].tolist()
    value = "NaN" if mean[row, unit].isnan() else "inf"
    raise CensusError(
        f"Activations must be finite. Got {value} in layer {layer.name!r} of the {net} net, unit {unit}, "
        f"for example {batch.ids[row]!r}. With a results folder, what is counted so far is kept."
    )
