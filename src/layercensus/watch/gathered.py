"""What the passes over the fixed panel give of each layer, as the measures take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..count.nets import Net
from ..count.one_by_one import CLEAN, Chance, Spots
from ..count.read_batch import Readings, draws_of, keys_of, read_net
from ..data.batch import Batch
from ..layers.layer import Layer
from ..layers.tap import tap
from ..tally import Panel, Reading, Streams, joined_spots, reduce_output
from .panel import FixedPanel

TOP = 1  # top examples, of which a watch shows none


@dataclass(frozen=True)
class Gathered:
    """By layer, on the CPU; the rows of a panel are sorted by key, its views nan where none were asked for."""

    panels: Mapping[str, Panel]
    streams: Mapping[str, Streams]
    magnitude: Mapping[str, Tensor]  # (units,) float64, mean over examples and positions of abs(response)


class _Magnitudes:
    """The spatial mean of abs(response) of layers with negative responses; of others it is the mean itself."""

    def __init__(self) -> None:
        self.mask: Tensor | None = None
        self.of: dict[str, list[Tensor | None]] = {}

    def take(self, layer: Layer, x: Tensor) -> None:
        """A layer has given this."""
        x = x.detach()
        signed = x.device.type != "cpu" or bool((x < 0).any())  # to ask a GPU would be to wait for it
        found = reduce_output(x.abs(), layer.unit_axis, mask=self.mask).mean if signed else None
        self.of.setdefault(layer.name, []).append(found)


def gathered(net: Net, fixed: FixedPanel, spots: int) -> Gathered:
    """One pass over the panel as it is."""
    signed, readings = _Magnitudes(), list[Readings]()
    for batch in fixed.batches:
        keys, rows = keys_of(batch), torch.arange(len(batch.ids))
        signed.mask = batch.mask
        with tap(net.net, net.layers, None if _alone(net) else signed.take):
            where = Spots(rows, draws_of(keys, spots, fixed.seed))
            readings.append(read_net(net, batch, where, {}, chance=_chance(net, fixed, CLEAN)))
    panels, streams, magnitude = {}, {}, {}
    for layer in net.layers:
        own = [reading[net.key(layer)].on_cpu() for reading in readings]
        panels[layer.name] = _panel(fixed, own, spots).that_reached()
        streams[layer.name] = _streams(panels[layer.name], layer.width)
        magnitude[layer.name] = _magnitude(own, signed.of.get(layer.name))
    return Gathered(panels, streams, magnitude)


def with_views(net: Net, fixed: FixedPanel, read: Gathered) -> Gathered:
    """The same with each layer's response to two perturbed views. Cost: two passes over the panel."""
    views = [[_read(net, batch, fixed, view) for view, batch in enumerate(pair)] for pair in fixed.shown()]
    order, panels = fixed.keys.argsort(), {}
    for layer in net.layers:
        panel = read.panels[layer.name]
        kept = torch.isin(fixed.keys[order], panel.key)
        ways = {}
        for view, way in enumerate("ab"):
            own = [pair[view][net.key(layer)].on_cpu() for pair in views]
            ways[f"{way}_mean"] = torch.cat([reading.mean for reading in own])[order][kept]
            ways[f"{way}_peak"] = torch.cat([reading.peak for reading in own])[order][kept]
        panels[layer.name] = replace(panel, **ways).that_reached()
    return replace(read, panels=panels)


def _read(net: Net, batch: Batch, fixed: FixedPanel, view: int) -> Readings:
    return read_net(net, batch, Spots(), {}, chance=_chance(net, fixed, view))


def _alone(net: Net) -> bool:
    """Whether each example must pass by itself."""
    return any(layer.alone is not None for layer in net.layers)


def _chance(net: Net, fixed: FixedPanel, view: int) -> Chance | None:
    return Chance(fixed.seed, view) if _alone(net) else None


def _panel(fixed: FixedPanel, own: Sequence[Reading], spots: int) -> Panel:
    """The rows of one layer; its views are the clean readings until others are asked for."""
    order = fixed.keys.argsort()
    mean, peak = (torch.cat([getattr(reading, name) for reading in own])[order] for name in ("mean", "peak"))
    places = joined_spots([reading.spots for reading in own if reading.spots is not None], spots)[order]
    return Panel(
        torch.tensor(len(order)), fixed.keys[order], fixed.labels[order], mean, peak, mean, peak, mean, peak, places,
        torch.zeros(len(order), 0), fixed.groups[order],
    )  # fmt: skip


def _streams(panel: Panel, width: int) -> Streams:
    streams = Streams.empty(width, TOP)
    streams.update(panel.mean, panel.peak, panel.key)
    return streams


def _magnitude(own: Sequence[Reading], signed: Sequence[Tensor | None] | None) -> Tensor:
    """Mean over the examples that came to the layer; of examples read one by one at their sampled positions."""
    if signed is None:
        values = torch.cat([_at_spots(reading) for reading in own])
    else:
        values = torch.cat([r.mean if size is None else size.cpu() for r, size in zip(own, signed, strict=True)])
    return values[values.isfinite().all(1)].double().mean(0)


def _at_spots(reading: Reading) -> Tensor:
    return reading.mean.abs() if reading.spots is None else reading.spots.abs().mean(1)
