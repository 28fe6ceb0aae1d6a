"""One shard of a count: where it lies, and how it is counted by whoever is given it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ..count.store import COUNTING, SHARD
from ..settings import Settings

SHARDS = "shards"  # the folder of unfinished shards within a results folder


class Take(Protocol):
    """What counts: `lc.take` with all but its settings, as `functools.partial(lc.take, model, data)`."""

    def __call__(self, *, settings: Settings) -> Any: ...


def shard_settings(settings: Settings, number: int, of: int) -> Settings:
    """The settings of one shard: its own folder, which is resumed where it holds something."""
    folder = Path(str(settings.out)) / SHARDS / f"{number}-of-{of}"
    return replace(settings, out=folder, shard=(number, of), resume=False, overwrite=False)


def count_shard(take: Take, settings: Settings) -> None:
    """Count a shard, or what an earlier attempt has left of it."""
    counting = Path(str(settings.out)) / COUNTING
    if (counting / SHARD).is_file():
        return
    take(settings=replace(settings, resume=counting.exists()))
