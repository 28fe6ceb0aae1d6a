"""A census of shards, counted by several real processes, is that of one; what dies loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

import layercensus as lc
from layercensus.engine import in_shards
from layercensus.engine.one_shard import SHARDS, count_shard, shard_settings
from layercensus.engine.ranks import own_device, ranks

from .counting import dying, settings, take

ROOT = Path(__file__).parents[2]
RAY = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import ray"], capture_output=True).returncode != 0, reason="Ray is an extra"
)
COUNTS = ["width", "dead", "noise", "duplicate", "distinct", "distinct_rarefied"]


def same(one: lc.Census, other: lc.Census) -> None:
    assert one.about["examples"] == other.about["examples"] == 90
    pd.testing.assert_frame_equal(one.layers[COUNTS], other.layers[COUNTS])
    pd.testing.assert_frame_equal(one.layers, other.layers, rtol=1e-5, atol=1e-6)
    pd.testing.assert_frame_equal(one.units, other.units, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def alone() -> lc.Census:
    return take(settings=settings())


def test_processes_of_torchrun_make_the_census_of_one(tmp_path: Path, alone: lc.Census) -> None:
    out = tmp_path / "out"
    run = "-m layercensus run tests.engine.counting:make tests.engine.counting:data --no-twin --twins 1 --needed none"
    launch = "-m torch.distributed.run --standalone --nproc-per-node 2"
    argv = [*launch.split(), *run.split(), "--panel", "40", "--batch", "4", "--pictures", "0", "--quiet", "--out"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, *argv, str(out)], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report: ") == 1  # the first process speaks
    found = lc.load(out)
    assert found.about["shards"] == 2
    same(found, alone)
    assert not (out / SHARDS).exists()


@RAY
def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path, alone: lc.Census) -> None:
    (tmp_path / "marks").mkdir()
    found = in_shards(partial(dying, tmp_path / "marks", 0), settings(tmp_path / "out"), shards=2)
    marks = {file.name: file.read_text() for file in (tmp_path / "marks").iterdir()}
    assert marks == {"1-0": "False", "2-0": "False", "2-1": "True"}  # the second went on from its checkpoints
    same(found, alone)


@RAY
def test_a_driver_that_is_killed_loses_nothing(tmp_path: Path, alone: lc.Census) -> None:
    (tmp_path / "marks").mkdir()
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    driver = [sys.executable, "-m", "tests.engine.counting", str(tmp_path)]
    done = subprocess.run(driver, cwd=ROOT, env=env, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    out = settings(tmp_path / "out")
    with pytest.raises(lc.CensusError, match=r"holds unfinished shards\. Resume them with resume=True"):
        in_shards(take, out, shards=2)
    again = settings(tmp_path / "out", resume=True)
    same(in_shards(partial(dying, tmp_path / "marks", 0), again, shards=2), alone)
    assert (tmp_path / "marks" / "2-1").read_text() == "True"


def test_a_counted_shard_is_not_counted_again(tmp_path: Path) -> None:
    calls: list[lc.Settings] = []

    def counting(*, settings: lc.Settings) -> lc.Census:
        calls.append(settings)
        return take(settings=settings)

    part = shard_settings(settings(tmp_path), 2, 3)
    for _ in range(2):
        count_shard(counting, part)
    assert [(one.shard, one.resume, one.out) for one in calls] == [((2, 3), False, tmp_path / SHARDS / "2-of-3")]


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(lc.CensusError, match=r"^engine must be one of ray, torchrun\. Got 'dask'"):
        in_shards(take, settings(tmp_path), engine="dask")
    with pytest.raises(lc.CensusError, match=r"^out must be given with engine"):
        in_shards(take, settings())
    with pytest.raises(lc.CensusError, match=r"^engine must be 'torchrun' only in processes that torchrun has started"):
        in_shards(take, settings(tmp_path), engine="torchrun")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(lc.CensusError, match=r"^engine='ray' needs the package ray"):
        in_shards(take, settings(tmp_path))


def test_each_process_has_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [own_device(name) for name in (None, "cpu", "cuda", "auto", "cuda:0")] == [
        None, "cpu", "cuda:1", "cuda:1", "cuda:0",
    ]  # fmt: skip
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    assert ranks() == (3, 4)
