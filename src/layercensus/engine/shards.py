"""A count cut into shards, each of which is counted apart, and the census that they make together."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ..census.census import Census, load
from ..census.merge import merge
from ..census.record import holds_census
from ..data.files import check_free
from ..errors import CensusError
from ..measures import MEASURES, Measure
from ..settings import Integer, OneOf, Settings
from .one_shard import SHARDS, Take, count_shard, shard_settings
from .ranks import by_ranks, ranks, started_again

ENGINES = ("ray", "torchrun")


def in_shards(
    take: Take, settings: Settings, *, engine: str = "ray", shards: int = 2, gpus: float = 0,
    measures: Sequence[Measure] = MEASURES,
) -> Census:  # fmt: skip
    """The census that `take` would make alone, counted in shards and merged.

    settings: with `out`, a folder that all processes see. engine: "ray" counts each shard in a task of Ray's, which is
    given to another worker where one dies; under "torchrun" each of its processes counts one. shards: of them, with
    Ray; under torchrun there are as many as processes. gpus: of each task. measures: those that `take` is given.

    What was counted when a worker or the driver dies is in `out`: the same call with `resume=True` continues with it.

    Cost: that of `take`, shared out; surveys, twins, untrained nets and what is needed are not shared.

    Raises:
        CensusError: no `out`, no Ray, or whatever `take` and `merge` raise.
    """
    OneOf(ENGINES)("engine", engine)
    if settings.out is None or settings.shard is not None:
        raise CensusError(f"out must be given with engine, and shard must not. Got {settings.out!r}, {settings.shard}.")
    out = Path(settings.out)
    rank, of = ranks() if engine == "torchrun" else (0, Integer(1, 100_000)("shards", shards))
    parts = [shard_settings(settings, number, of) for number in range(1, of + 1)]

    def finish() -> None:
        folders = [part.out for part in parts if part.out is not None]
        merge(folders, out=out, measures=measures, overwrite=True, progress=settings.progress)
        shutil.rmtree(out / SHARDS)

    if engine == "torchrun":
        by_ranks(lambda: _make_room(out, settings), lambda: count_shard(take, parts[rank]), finish)
    else:
        from .ray import by_tasks

        _make_room(out, settings)
        by_tasks(take, parts, gpus)
        finish()
    return load(out)


def _make_room(out: Path, settings: Settings) -> None:
    begun = (out / SHARDS).exists()
    holds = "a census" if out.is_dir() and holds_census(out) else ""
    if holds and not begun:
        check_free(out, holds=holds, overwrite=settings.overwrite, resume=settings.resume)
    if begun and settings.overwrite:
        shutil.rmtree(out / SHARDS)
    elif begun and not settings.resume and not started_again():
        raise CensusError(f"{out} holds unfinished shards. Resume them with resume=True, or pass another out.")
