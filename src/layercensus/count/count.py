"""The pass over the data, with checkpoints: every example counts once, whatever interrupts it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import torch
from torch import Tensor
from tqdm import tqdm

from ..data.batch import Batch
from ..data.keys import key
from ..data.source import Source
from ..data.views import Views
from ..errors import CensusError
from ..settings import Settings
from ..tally import Reading, Streams, joined_spots
from .read_batch import Net, PanelSampler, Seen, look, sketches_of
from .store import Spool

BUFFER_BYTES = 96_000_000  # readings kept in memory between checkpoints


def count(nets: Sequence[Net], source: Source, views: Views, spool: Spool, settings: Settings, seed: int) -> None:
    """Count `source` into `spool`. On any interruption what was counted until then is saved before it is passed on."""
    counting = _Counting(nets, spool, settings)
    sampler = PanelSampler(settings.panel, source.ids, spool.panel_keys())
    known = set(spool.done.tolist())
    sketches = sketches_of(nets[0], source.first(1).mask is not None, settings, seed)
    skip = _left_out(known, settings.share)
    total = source.length if settings.share is None else _in_share(source, settings.share)
    bar = tqdm(total=total, initial=len(known), desc="counting", unit="ex", disable=not settings.progress)
    try:
        for batch in source.batches(settings.batch, skip=skip):
            seen = look(nets, _fresh(batch, known), views, sampler, sketches, settings, seed)
            unfit = (place.split("|", 1)[1] for place, r in seen.clean.items() if r.unmasked)
            spool.unmasked = tuple(dict.fromkeys((*spool.unmasked, *unfit)))
            with uninterrupted():
                counting.add(seen)
                known.update(seen.keys.tolist())
            bar.update(len(seen.ids))
    finally:
        bar.close()
        with uninterrupted():
            counting.save()


def _left_out(known: set[int], share: tuple[int, int] | None) -> Callable[[str], bool] | None:
    """Which ids are passed over: those counted before an interruption, and those of other shares."""
    if share is None:
        return (lambda id: key(id) in known) if known else None
    number, shares = share
    return lambda id: (k := key(id)) in known or k % shares != number - 1


def _in_share(source: Source, share: tuple[int, int]) -> int | None:
    """How many examples a share holds, where ids are known before reading."""
    left_out = _left_out(set(), share)
    return None if source.ids is None or left_out is None else sum(not left_out(id) for id in source.ids)


def _fresh(batch: Batch, known: set[int]) -> Batch:
    """The batch without examples that were counted before an interruption; an id met twice is an error."""
    keys = [key(id) for id in batch.ids]
    if len(set(keys)) < len(keys) or any(k in known for k in keys):
        seen: set[int] = set(known)
        twice = next(id for id, k in zip(batch.ids, keys, strict=True) if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise CensusError(f"Example ids must be unique. Got {twice!r} twice.")
    return batch


@dataclass
class _Counting:
    """Readings since the last checkpoint, and the streams of every layer."""

    nets: Sequence[Net]
    spool: Spool
    settings: Settings
    waiting: list[Seen] = field(default_factory=list)
    streams: dict[str, Streams] = field(default_factory=dict)
    saved_at: float = field(default_factory=time.monotonic)
    bytes: int = 0
    broken: bool = False  # a checkpoint failed half way: what waits was added to the streams and must not be again

    def __post_init__(self) -> None:
        places = [(net.name, layer) for net in self.nets for layer in net.layers]
        held = self.spool.many_streams([(name, layer.name) for name, layer in places])
        for (name, layer), streams in zip(places, held, strict=True):
            self.streams[f"{name}|{layer.name}"] = streams or Streams.empty(layer.width, self.settings.top)

    def add(self, seen: Seen) -> None:
        self.waiting.append(seen)
        self.bytes += sum(_bytes(r) for group in (seen.clean, seen.a, seen.b) for r in group.values())
        if self.bytes > BUFFER_BYTES or time.monotonic() - self.saved_at > self.settings.checkpoint:
            self.save()

    def save(self) -> None:
        """A checkpoint with everything that waits."""
        if not self.waiting or self.broken:
            return
        self.broken = True
        keys = torch.cat([seen.keys for seen in self.waiting])
        for place, streams in self.streams.items():
            readings = [seen.clean[place] for seen in self.waiting]
            streams.update(torch.cat([r.mean for r in readings]), torch.cat([r.peak for r in readings]), keys)
        state = {f"{place}|{k}": v for place, s in self.streams.items() for k, v in s.state_dict().items()}
        self.spool.save(self._panel(), state, keys.tolist(), self._names())
        self.waiting, self.bytes, self.saved_at, self.broken = [], 0, time.monotonic(), False

    def _panel(self) -> dict[str, Tensor]:
        chosen = [seen for seen in self.waiting if len(seen.rows)]
        if not chosen:
            return {}
        panel = {
            "key": torch.cat([seen.keys[seen.rows] for seen in chosen]),
            "label": torch.cat([seen.labels[seen.rows] for seen in chosen]),
        }
        for place in self.streams:
            for name, pick in _PANEL.items():
                panel[f"{place}|{name}"] = torch.cat([pick(seen, place) for seen in chosen])
            spots = [_spots(seen, place) for seen in chosen]
            panel[f"{place}|spots"] = joined_spots(spots, self.settings.spots)
        return panel

    def _names(self) -> dict[int, str]:
        """Ids of the examples that are kept by name: the top ones of each unit."""
        top = [t for s in self.streams.values() for t in (s.top.peak_key, s.top.mean_key)]
        kept = {int(k) for t in top for k in t.unique()}  # type: ignore[no-untyped-call]
        names = {k: name for k, name in self.spool.names.items() if k in kept}
        for seen in self.waiting:
            names.update((k, id) for k, id in zip(seen.keys.tolist(), seen.ids, strict=True) if k in kept)
        return names


def _spots(seen: Seen, place: str) -> Tensor:
    spots = seen.clean[place].spots
    return spots if spots is not None else seen.clean[place].mean[seen.rows].unsqueeze(1)


def _sketch(seen: Seen, place: str) -> Tensor:
    sketch = seen.clean[place].sketch
    return sketch if sketch is not None else torch.zeros(len(seen.rows), 0)


_PANEL: dict[str, Callable[[Seen, str], Tensor]] = {
    "mean": lambda seen, place: seen.clean[place].mean[seen.rows],
    "peak": lambda seen, place: seen.clean[place].peak[seen.rows],
    "a_mean": lambda seen, place: seen.a[place].mean,
    "a_peak": lambda seen, place: seen.a[place].peak,
    "b_mean": lambda seen, place: seen.b[place].mean,
    "b_peak": lambda seen, place: seen.b[place].peak,
    "sketch": _sketch,
}


def _bytes(reading: Reading) -> int:
    return sum(
        t.numel() * t.element_size()
        for t in (reading.mean, reading.peak, reading.spots, reading.sketch)
        if t is not None
    )


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block is done, so that an example is never counted twice or by half."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda number, frame: caught.append((number, frame))) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
    for number, frame in caught:
        handler = signal.getsignal(number)
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:
            signal.raise_signal(number)
