"""Shards of one data set, counted apart, merged into one census."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..count.differences import differences
from ..count.shards import Counted, join, read_shard, whole
from ..count.store import Store
from ..data.files import free_folder
from ..errors import CensusError
from ..layers.torch_state import neutral
from ..measures import MEASURES, Measure
from ..settings import Settings
from .census import Census
from .columns import Columns
from .record import holds_census
from .summarise import summarise


@neutral()
def merge(
    folders: Sequence[str | Path], *, out: str | Path | None = None, measures: Sequence[Measure] | None = None,
    overwrite: bool = False, progress: bool = True,
) -> Census:  # fmt: skip
    """The census of all the data from the census folders of its shards, equal to one that counted everything at once.

    folders: the `out` of every shard; their order changes nothing, and they are left as they are. out: where to save
    the census.
    measures: as for `take`. overwrite: replace a census that `out` already holds.

    Copies of an example that lie in several shards are known before in data in memory and in streams. Of other data
    (Datasets, folders) they are found here: the panel keeps the one whose id has the smallest hash, the means hold
    each of them, a finding says how many there are, and the census is not that of everything at once.

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    >>> for number in (1, 2):
    ...     settings = lc.Settings(progress=False, shard=(number, 2), out=f"part{number}")
    ...     part = lc.take(net, x, twin=False, settings=settings)
    >>> lc.merge(["part1", "part2"], progress=False).about["examples"]
    64

    Raises:
        CensusError: when a shard is missing, given twice, unfinished, or of another count.
    """
    if isinstance(folders, str | Path):
        raise CensusError(f"folders must be those of several shards. Got only {str(folders)!r}.")
    opened = [(folder, *read_shard(Path(folder))) for folder in folders]
    opened.sort(key=lambda shard: shard[2].provenance.shard or (0, 0))
    folders = [folder for folder, _, _ in opened]
    stores, shards = [store for _, store, _ in opened], [counted for _, _, counted in opened]
    measures = MEASURES if measures is None else measures
    _check(folders, stores, shards)
    _check_measures(shards, measures)
    if out is not None and any(Path(out).resolve() == Path(folder).resolve() for folder in folders):
        raise CensusError(f"out must be another folder than those of the shards. Got {out}.")
    if out is not None:
        free_folder(Path(out), holds="a census" if holds_census(Path(out)) else "", overwrite=overwrite)
    settings = replace(Settings(**shards[0].provenance.settings), out=out, progress=progress)
    with _folder(out) as folder:
        store = Store.start(folder, stores[0].identity | {"shard": None}, resume=False)
        join(store, stores, list(shards[0].nets.keys))
        census = Census.of(summarise(store, whole(stores, shards, store), measures, settings))
        if out is not None:
            census.save(out)
    return census


def _check(folders: Sequence[str | Path], stores: Sequence[Store], shards: Sequence[Counted]) -> None:
    if not shards:
        raise CensusError("merge must be given the folder of every shard. Got none.")
    first = _common(stores[0])
    for folder, store in zip(folders, stores, strict=True):
        differing = differences(_common(store), first)
        if differing:
            raise CensusError(
                f"{folder} must be a shard of the same count as {folders[0]}. Got another: {'; '.join(differing)}."
            )
    numbers = [shard.provenance.shard or (0, 0) for shard in shards]
    count = numbers[0][1]
    if sorted(numbers) != [(number, count) for number in range(1, count + 1)]:
        given = ", ".join(f"{number}/{of}" for number, of in sorted(numbers))
        raise CensusError(f"merge must be given each of the {count} shards once. Got {given}.")


def _common(store: Store) -> dict[str, Any]:
    """What all shards of a count have in common."""
    return {name: value for name, value in store.identity.items() if name != "shard"}


def _check_measures(shards: Sequence[Counted], measures: Sequence[Measure]) -> None:
    """The measures' columns are made here and not in the shards: those that counted them must be given again."""
    Columns.of(measures)
    given = {each.name for each in measures}
    missing = [name for shard in shards for name in shard.provenance.measures if name not in given]
    if missing:
        raise CensusError(
            f"measures must hold those of the shards, as in merge(..., measures=(*layercensus.MEASURES, mine)). "
            f"Got none called {missing[0]!r}."
        )


@contextmanager
def _folder(out: str | Path | None) -> Iterator[Path]:
    if out is not None:
        merging = Path(out) / "merging"
        shutil.rmtree(merging, ignore_errors=True)  # what an interrupted merge has left
        try:
            yield merging
        finally:
            shutil.rmtree(merging, ignore_errors=True)
        return
    with tempfile.TemporaryDirectory(prefix="layercensus-") as folder:
        yield Path(folder)
