"""The pass over the data, with checkpoints: every example counts once, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..data.batch import Batch
from ..data.keys import key
from ..data.source import Source
from ..data.unique import Unique
from ..errors import CensusError
from ..layers.device import device_of
from ..progress import tqdm
from .ahead import ahead
from .enough_memory import enough_memory
from .fitting import Fitting
from .interrupts import uninterrupted
from .late import sentences, watching
from .memory import tidy
from .panel_sampler import Everyone, PanelSampler, left_out
from .pending import Pending
from .plan import Plan
from .read_batch import read_batch, sketches_of
from .speed import Speed
from .spot_check import is_due, spot_check
from .store import Store

COPIES = 32  # one in so many examples may be a copy before others are read once more for the panel


def count(plan: Plan, store: Store) -> tuple[tuple[str, ...], int]:
    """Count `plan.source` into `store`. On any interruption what was counted until then is saved first.

    Returns a sentence for each module that ran although no pass of the survey had reached it, and the batch size that
    fitted in memory.
    """
    settings, source = plan.settings, plan.source
    store.seen = source.learned if isinstance(source, Unique) else None
    if isinstance(source, Unique) and store.seen is not None:
        source.resume(store.content, len(store.done))
    pending = Pending(plan.nets, store, settings.top, settings.spots, settings.panel, settings.checkpoint)
    # Which of the ids are copies may be known only once they are read: some more of them are chosen then. A shard
    # knows nothing of the copies of others, and its panel is as large as that of all.
    ids = source.ids if store.seen is None or settings.shard is None else None
    spare = 0 if store.seen is None else settings.panel // COPIES
    sampler = PanelSampler(settings.panel, ids, store.panel_keys(), spare=spare)
    known = set(store.done.tolist())
    sketches = sketches_of(plan.nets.trained, source.first(1).mask is not None, settings, plan.seed)
    total = source.length if settings.shard is None else _in_shard(source, settings.shard)
    bar = tqdm(total=total, initial=len(known), desc="counting", unit="ex", disable=not settings.progress)
    number = 0
    fitting = Fitting(settings.batch, smallest=settings.batch if plan.nets.alone else 1, said=settings.progress)
    instead = "Pass a smaller batch or a smaller panel, or count fewer layers"
    speed = Speed(plan, bar)
    with (
        watching(plan.nets.trained.net, plan.unreached, store.met_late) as late,
        _saved(pending, bar),
        enough_memory("Counting", instead),
    ):
        batches = source.batches(settings.batch, skip=_left_out(known, settings.shard))
        for batch in ahead(batches, device_of(plan.nets.trained.net), own_code=source.own_code):
            late.batch = _fresh(batch, known)
            for part, readings in fitting.read(batch, lambda part: read_batch(plan, part, sampler, sketches)):
                if is_due(number):
                    spot_check(plan, part, readings.clean)
                number += 1
                store.note_unmasked(key.layer for key, reading in readings.clean.items() if reading.unmasked)
                store.met_late = dict(late.met)
                with uninterrupted():
                    pending.add(readings)
                    known.update(readings.keys.tolist())
                bar.update(len(readings.ids))
                speed.note(part, readings)
                tidy()
        if ids is not None and store.seen is not None:
            pending.save()
            for batch in _missing(plan, store, ids):
                for _, readings in fitting.read(batch, lambda part: read_batch(plan, part, Everyone(), sketches)):
                    with uninterrupted():
                        pending.add(replace(readings, counted=False))
                    tidy()
    return sentences(store.met_late), fitting.size


@contextmanager
def _saved(pending: Pending, bar: Any) -> Iterator[None]:
    """Whatever ends the block, what was read in it is saved."""
    try:
        yield
    finally:
        bar.close()
        with uninterrupted():
            pending.save()


def _missing(plan: Plan, store: Store, ids: Sequence[str]) -> Iterator[Batch]:
    """What the panel lacks, where more of the examples were copies than foreseen: read once more."""
    size = plan.settings.batch
    missing = left_out(plan.settings.panel, ids, store.done, store.panel_keys())
    for start in range(0, len(missing), size):
        yield plan.source.pick(missing[start : start + size])


def _left_out(known: set[int], shard: tuple[int, int] | None) -> Callable[[str], bool] | None:
    """Which ids are passed over: those counted before an interruption, and those of other shards."""
    if shard is None:
        return (lambda id: key(id) in known) if known else None
    number, shards = shard
    return lambda id: (k := key(id)) in known or k % shards != number - 1


def _in_shard(source: Source, shard: tuple[int, int]) -> int | None:
    """How many examples a shard holds, where ids are known before reading."""
    left_out = _left_out(set(), shard)
    return None if source.ids is None or left_out is None else sum(not left_out(id) for id in source.ids)


def _fresh(batch: Batch, known: set[int]) -> Batch:
    """The batch, none of whose examples was counted before; an id met twice is an error."""
    keys = [key(id) for id in batch.ids]
    if len(set(keys)) < len(keys) or any(k in known for k in keys):
        earlier: set[int] = set(known)
        twice = next(id for id, k in zip(batch.ids, keys, strict=True) if k in earlier or earlier.add(k))  # type: ignore[func-returns-value]
        raise CensusError(f"Example ids must be unique. Got {twice!r} twice.")
    return batch
