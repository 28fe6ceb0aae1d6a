"""The folder of a census: refused while it holds one, whole for whoever reads it, complete after any interrupt."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.record import HEAD, holds_census
from layercensus.count.shards import read_shard
from layercensus.data import files
from layercensus.data.files import WRITTEN, read_whole, whole_folder

NET = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
X = torch.rand(30, 8, generator=torch.Generator().manual_seed(0))


def _take(out: Path, **asked: object) -> lc.Census:
    settings = lc.Settings(out=out, progress=False, resamples=20, pictures=0, **asked)
    return lc.take(NET, X, settings=settings)


def test_a_finished_census_is_replaced_only_when_asked(tmp_path: Path) -> None:
    _take(tmp_path)
    before = (tmp_path / HEAD).read_bytes()
    for asked in ({}, {"resume": True}):
        with pytest.raises(lc.CensusError, match=r"already holds a finished census\. Pass another out, or overwrite"):
            _take(tmp_path, **asked)
    assert (tmp_path / HEAD).read_bytes() == before
    _take(tmp_path, overwrite=True, tau=0.8)
    assert lc.load(tmp_path).provenance.settings["tau"] == 0.8


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    census = _take(tmp_path)
    loaded = lc.load(tmp_path)
    for table in ("layers", "units", "twin_units", "runs"):
        pd.testing.assert_frame_equal(getattr(loaded, table), getattr(census, table), check_exact=True)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: lc.load(3), "folder must be a string or a Path. Got 3."),
        (lambda: lc.merge("one"), "folders must be those of several shards. Got only 'one'."),
        (lambda: lc.take(NET, X, replicas=NET), "replicas must be a list of models. Got Sequential."),
        (lambda: lc.take(NET, X, replicas=["nope"]), "replica must be one of "),
        (lambda: lc.take(NET, X, twin="no"), "twin must be True or False. Got 'no'."),
        (lambda: lc.take("digit", "digits"), "model must be one of "),
    ],
)
def test_arguments_of_another_kind(call: Callable[[], object], says: str) -> None:
    with pytest.raises(lc.CensusError) as caught:
        call()
    assert str(caught.value).startswith(says)


def test_a_refused_run_leaves_no_folder_and_removes_nothing(tmp_path: Path) -> None:
    with pytest.raises(lc.CensusError, match="matches none"):
        lc.take(NET, X, layers="conv9", settings=lc.Settings(out=tmp_path / "new", progress=False))
    assert not (tmp_path / "new").exists()
    shards = [tmp_path / "one", tmp_path / "two"]
    for part, folder in enumerate(shards, 1):
        _take(folder, shard=(part, 2))
    with pytest.raises(lc.CensusError, match="already holds a counted shard"):
        _take(shards[0])
    with pytest.raises(lc.CensusError, match="matches none"):
        lc.take(NET, X, layers="conv9", settings=lc.Settings(out=shards[0], overwrite=True, progress=False))
    assert lc.merge(shards, progress=False).about["examples"] == 30


def test_a_merge_replaces_a_census_only_when_asked(tmp_path: Path) -> None:
    shards = [tmp_path / "one", tmp_path / "two"]
    for part, folder in enumerate(shards, 1):
        _take(folder, shard=(part, 2))
    first = lc.merge(shards, out=tmp_path / "all", progress=False)
    with pytest.raises(lc.CensusError, match=r"already holds a census\. Pass another out, or overwrite=True\.$"):
        lc.merge(shards, out=tmp_path / "all", progress=False)
    again = lc.merge(shards, out=tmp_path / "all", overwrite=True, progress=False)
    assert again.layers.equals(first.layers)


def test_a_shard_whose_description_was_never_completed_is_no_shard(tmp_path: Path, monkeypatch) -> None:
    real = os.replace

    def killed(source: Path, target: Path) -> None:
        if Path(target).name == "shard.json":
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(files.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        _take(tmp_path, shard=(1, 2))
    monkeypatch.undo()
    assert not list(tmp_path.rglob("shard.json*"))
    with pytest.raises(lc.CensusError):
        read_shard(tmp_path)


def test_a_save_killed_before_its_moves_is_a_census_all_the_same(tmp_path: Path, monkeypatch) -> None:
    census = _take(tmp_path / "a")

    def killed(folder: Path) -> None:
        if (folder / WRITTEN).exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "finish_folder", killed)
    with pytest.raises(KeyboardInterrupt):
        census.save(tmp_path / "b")
    monkeypatch.undo()
    assert not (tmp_path / "b" / HEAD).exists()
    assert holds_census(tmp_path / "b")
    assert lc.load(tmp_path / "b").layers.equals(lc.load(tmp_path / "a").layers)


def test_a_reader_beside_a_writer_sees_one_set(tmp_path: Path) -> None:
    """Two files that always carry the same number; every read gives a pair, never half of two saves."""
    names, stop = ("a", "z"), threading.Event()

    def save(number: int) -> None:
        with whole_folder(tmp_path) as new:
            for name in names:
                (new / name).write_text(str(number), "utf-8")

    def keep_saving() -> None:
        number = 1
        while not stop.is_set():
            save(number)
            number += 1
            stop.wait(0.002)

    save(0)
    writer = threading.Thread(target=keep_saving)
    writer.start()
    try:
        pairs: list[list[str]] = []
        while writer.is_alive() and (len(pairs) < 200 or len({first for first, _ in pairs}) < 20):
            with suppress(lc.CensusError):  # it was written again at each attempt
                pairs.append(read_whole(tmp_path, "z", lambda: [(tmp_path / n).read_text("utf-8") for n in names]))
    finally:
        stop.set()
        writer.join()
    assert all(first == second for first, second in pairs)
    assert len({first for first, _ in pairs}) >= 20
