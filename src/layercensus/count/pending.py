"""Readings since the last checkpoint, and the streams of every layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..errors import NotFiniteError
from ..tally import Streams, joined_spots
from ..tally.slab import kept, on_host
from ..tally.streams import Top
from .nets import LayerKey, Nets
from .one_by_one import everyone
from .read_batch import BatchReadings
from .store import Checkpoint, State, Store
from .stored_panel import written_once

FOLDED = {True: 96_000_000, False: 384_000_000}  # bytes of readings that wait to be tallied, on the CPU and on a GPU
PANEL_BYTES = {True: 48_000_000, False: 384_000_000}  # of the panel's rows between checkpoints, likewise
Rows = dict[LayerKey, list[State]]


@dataclass
class Pending:
    """What was read and is not on disk yet; `save` makes a checkpoint of it.

    Readings wait where they were made until there are several batches of them. Then they are tallied there, and only
    the panel's rows come to the CPU; the tallies do so at a checkpoint.
    """

    nets: Nets
    store: Store
    top: int  # top examples kept for each unit
    spots: int  # positions read of each map
    panel: int  # examples of the panel at most
    checkpoint: float  # seconds between checkpoints
    waiting: list[BatchReadings] = field(default_factory=list)
    streams: dict[LayerKey, Streams] = field(default_factory=dict)
    saved_at: float = field(default_factory=time.monotonic)
    bytes: int = 0  # of what waits
    broken: bool = False  # a tally failed half way: what waits is in the streams, and must not be added twice
    _shared: list[State] = field(default_factory=list)  # of the panel's new rows, what all layers have in common
    _own: Rows = field(default_factory=dict)  # and what each layer has for itself
    # Of what was read since the checkpoint: keys, ids, whether it counts.
    _tallied: list[tuple[Tensor, tuple[str, ...], bool]] = field(default_factory=list)
    _panel_bytes: int = 0
    _checked: int = 0  # how many of those waiting are known to be finite

    def __post_init__(self) -> None:
        layers = self.nets.keys
        saved = self.store.many_streams(list(layers))
        for (key, layer), streams in zip(layers.items(), saved, strict=True):
            self.streams[key] = streams or Streams.empty(layer.width, self.top)

    def add(self, readings: BatchReadings) -> None:
        """Take in a batch; a checkpoint where it is due.

        Raises:
            NotFiniteError: the responses of the batch before are not finite, which a device tells only then; neither
                it nor this one counts.
        """
        self.waiting.append(readings)
        self._check(self.waiting[:-1])
        several = [reading for group in (readings.clean, readings.a, readings.b) for reading in group.values()]
        self.bytes += sum(reading.bytes for reading in several)
        here = all(on_host(reading.mean.device) for reading in several)
        if self.bytes > FOLDED[here]:
            self._tally()
        if self._panel_bytes > PANEL_BYTES[here] or time.monotonic() - self.saved_at > self.checkpoint:
            self.save()

    def save(self) -> None:
        """A checkpoint with everything that waits."""
        self._tally()
        if not self._tallied or self.broken:
            return
        self.broken = True
        keys = [key for keys, _, counted in self._tallied if counted for key in keys.tolist()]
        shared = {name: torch.cat([part[name] for part in self._shared]) for name in (self._shared or [{}])[0]}
        own = {key: written_once(_rows(parts, self.spots)) for key, parts in self._own.items()}
        self.store.save(Checkpoint(shared, own, self.streams, keys, self._names()))
        self._shared, self._own, self._tallied, self._panel_bytes = [], {}, [], 0
        self.saved_at, self.broken = time.monotonic(), False

    def _tally(self) -> None:
        """Add what waits to the streams, and keep the panel's rows of it."""
        if not self.waiting or self.broken:
            return
        self._check(self.waiting)
        self.broken = True
        self._count([readings for readings in self.waiting if readings.counted])
        self._tallied += [(readings.keys, readings.ids, readings.counted) for readings in self.waiting]
        self._keep_panel()
        self.waiting, self.bytes, self._checked, self.broken = [], 0, 0, False

    def _check(self, batches: Sequence[BatchReadings]) -> None:
        """Wait until what was read of these batches is there; from the first one on that is not finite none counts."""
        for number, readings in enumerate(batches[self._checked :], self._checked):
            try:
                for each in readings.passes:
                    each.check()
            except NotFiniteError:
                self.waiting = self.waiting[:number]
                raise
            self._checked = number + 1

    def _count(self, batches: Sequence[BatchReadings]) -> None:
        """Add batches to the streams."""
        if not batches:
            return
        keys = torch.cat([batch.keys for batch in batches])
        for key, streams in self.streams.items():
            readings = [batch.clean[key] for batch in batches]
            mean, peak = torch.cat([r.mean for r in readings]), torch.cat([r.peak for r in readings])
            if all(r.reached is None for r in readings):
                streams.update(mean, peak, keys)
                continue
            reached = torch.cat([everyone(r) if r.reached is None else r.reached for r in readings])
            streams.update(mean[reached], peak[reached], keys[reached.to(keys.device)])

    def _keep_panel(self) -> None:
        """The panel's new rows, on the CPU."""
        chosen = [readings for readings in self.waiting if len(readings.rows)]
        for readings in chosen:
            beside = {"key": readings.keys, "label": readings.labels, "group": readings.groups}
            self._shared.append({name: x[readings.rows] for name, x in beside.items()})
        for key in self.streams if chosen else ():
            device = chosen[0].clean[key].mean.device
            # a copy from a GPU costs much, however little it is
            for some in [[readings] for readings in chosen] if on_host(device) else [chosen]:
                picked = _rows([_picked(readings, key, device) for readings in some], self.spots)
                rows = {name: kept(x.cpu()) for name, x in picked.items()}
                self._own.setdefault(key, []).append(rows)
                self._panel_bytes += sum(x.numel() * x.element_size() for x in rows.values())

    def _names(self) -> dict[int, str]:
        """Ids of the examples that are stored by name: the top ones of each unit, and those of the panel."""
        tops = torch.cat([_top_keys(streams.top).cpu() for streams in self.streams.values()]).numpy()
        chosen = np.sort(np.concatenate([self.store.panel_keys(), *(part["key"].numpy() for part in self._shared)]))
        wanted = set(np.union1d(tops, chosen[: self.panel]).tolist())
        names = {k: name for k, name in self.store.names.items() if k in wanted}
        for keys, ids, _ in self._tallied:
            names.update((k, id) for k, id in zip(keys.tolist(), ids, strict=True) if k in wanted)
        return names


def _top_keys(top: Top) -> Tensor:
    return torch.cat([top.peak_key, top.mean_key]).flatten()


def _rows(parts: Sequence[State], spots: int) -> State:
    """The rows of several batches together; maps that differ in size have `spots` positions each."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in parts[0] if name != "spots"]
    together = {name: torch.cat([part[name] for part in parts]) for name in names}
    return together | {"spots": joined_spots([part["spots"] for part in parts], spots)}


def _picked(readings: BatchReadings, key: LayerKey, device: torch.device) -> State:
    """A batch's rows of the panel in one layer, on one device: a single example is read on the CPU."""
    return {name: pick(readings, key).to(device) for name, pick in _ROWS.items()}


def _spots(readings: BatchReadings, key: LayerKey) -> Tensor:
    spots = readings.clean[key].spots
    return spots if spots is not None else readings.clean[key].mean[readings.rows].unsqueeze(1)


def _sketch(readings: BatchReadings, key: LayerKey) -> Tensor:
    sketch = readings.clean[key].sketch
    return sketch if sketch is not None else torch.zeros(len(readings.rows), 0)


_ROWS: dict[str, Callable[[BatchReadings, LayerKey], Tensor]] = {
    "spots": _spots,
    "mean": lambda readings, key: readings.clean[key].mean[readings.rows],
    "peak": lambda readings, key: readings.clean[key].peak[readings.rows],
    "a_mean": lambda readings, key: readings.a[key].mean,
    "a_peak": lambda readings, key: readings.a[key].peak,
    "b_mean": lambda readings, key: readings.b[key].mean,
    "b_peak": lambda readings, key: readings.b[key].peak,
    "sketch": _sketch,
}
