"""Readings since the last checkpoint, and the streams of every layer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..tally import Reading, Streams, joined_spots
from .nets import LayerKey, Nets
from .one_by_one import everyone
from .read_batch import BatchReadings
from .store import Checkpoint, State, Store
from .stored_panel import written_once

BUFFER_BYTES = 96_000_000  # readings in memory between checkpoints


@dataclass
class Pending:
    """What was read and is not on disk yet; `save` makes a checkpoint of it."""

    nets: Nets
    store: Store
    top: int  # top examples kept for each unit
    spots: int  # positions read of each map
    panel: int  # examples of the panel at most
    checkpoint: float  # seconds between checkpoints
    waiting: list[BatchReadings] = field(default_factory=list)
    streams: dict[LayerKey, Streams] = field(default_factory=dict)
    saved_at: float = field(default_factory=time.monotonic)
    bytes: int = 0
    broken: bool = False  # a checkpoint failed half way: what waits is in the streams, and must not be added twice

    def __post_init__(self) -> None:
        layers = self.nets.keys
        saved = self.store.many_streams(list(layers))
        for (key, layer), streams in zip(layers.items(), saved, strict=True):
            self.streams[key] = streams or Streams.empty(layer.width, self.top)

    def add(self, readings: BatchReadings) -> None:
        """Take in a batch; a checkpoint where it is due."""
        self.waiting.append(readings)
        groups = (readings.clean, readings.a, readings.b)
        self.bytes += sum(_bytes(reading) for group in groups for reading in group.values())
        if self.bytes > BUFFER_BYTES or time.monotonic() - self.saved_at > self.checkpoint:
            self.save()

    def save(self) -> None:
        """A checkpoint with everything that waits."""
        if not self.waiting or self.broken:
            return
        self.broken = True
        keys = torch.cat([readings.keys for readings in self.waiting])
        for key, streams in self.streams.items():
            readings = [batch.clean[key] for batch in self.waiting]
            reached = torch.cat([everyone(r) if r.reached is None else r.reached for r in readings])
            mean, peak = torch.cat([r.mean for r in readings]), torch.cat([r.peak for r in readings])
            streams.update(mean[reached], peak[reached], keys[reached])
        self.store.save(Checkpoint(*self._panel(), self.streams, keys.tolist(), self._names()))
        self.waiting, self.bytes, self.saved_at, self.broken = [], 0, time.monotonic(), False

    def _panel(self) -> tuple[State, dict[LayerKey, State]]:
        """The panel's new rows: what all layers share, and each layer's own."""
        chosen = [readings for readings in self.waiting if len(readings.rows)]
        if not chosen:
            return {}, {}
        shared = {
            "key": torch.cat([readings.keys[readings.rows] for readings in chosen]),
            "label": torch.cat([readings.labels[readings.rows] for readings in chosen]),
            "group": torch.cat([readings.groups[readings.rows] for readings in chosen]),
        }
        own = {
            key: {name: torch.cat([pick(r, key) for r in chosen]) for name, pick in _ROWS.items()}
            for key in self.streams
        }
        for key, rows in own.items():
            rows["spots"] = joined_spots([_spots(readings, key) for readings in chosen], self.spots)
        return shared, {key: written_once(rows) for key, rows in own.items()}

    def _names(self) -> dict[int, str]:
        """Ids of the examples that are stored by name: the top ones of each unit, and those of the panel."""
        top_keys = {int(k) for streams in self.streams.values() for k in streams.top.peak_key.unique()}  # type: ignore[no-untyped-call]
        chosen = [self.store.panel_keys(), *(readings.keys[readings.rows].numpy() for readings in self.waiting)]
        top_keys |= set(np.sort(np.concatenate(chosen))[: self.panel].tolist())
        names = {k: name for k, name in self.store.names.items() if k in top_keys}
        for readings in self.waiting:
            pairs = zip(readings.keys.tolist(), readings.ids, strict=True)
            names.update((k, id) for k, id in pairs if k in top_keys)
        return names


def _spots(readings: BatchReadings, key: LayerKey) -> Tensor:
    spots = readings.clean[key].spots
    return spots if spots is not None else readings.clean[key].mean[readings.rows].unsqueeze(1)


def _sketch(readings: BatchReadings, key: LayerKey) -> Tensor:
    sketch = readings.clean[key].sketch
    return sketch if sketch is not None else torch.zeros(len(readings.rows), 0)


_ROWS: dict[str, Callable[[BatchReadings, LayerKey], Tensor]] = {
    "mean": lambda readings, key: readings.clean[key].mean[readings.rows],
    "peak": lambda readings, key: readings.clean[key].peak[readings.rows],
    "a_mean": lambda readings, key: readings.a[key].mean,
    "a_peak": lambda readings, key: readings.a[key].peak,
    "b_mean": lambda readings, key: readings.b[key].mean,
    "b_peak": lambda readings, key: readings.b[key].peak,
    "sketch": _sketch,
}


def _bytes(reading: Reading) -> int:
    tensors = (reading.mean, reading.peak, reading.spots, reading.sketch)
    return sum(t.numel() * t.element_size() for t in tensors if t is not None)
