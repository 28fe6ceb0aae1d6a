"""Readings that stay where they were made, and are tallied there, give the census that readings on the CPU give.

Where there is no GPU the CPU stands for one: everything takes a GPU's way.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import layercensus as lc
from layercensus.count import pending, read_batch
from layercensus.data.keys import key
from layercensus.tally import Moments, reduce_output, slab

from ..user_models import overflowing, small

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here"))]
X = torch.randn(150, 1, 8, 8, generator=torch.Generator().manual_seed(2))


def census(**more: object) -> lc.Census:
    settings = lc.Settings(progress=False, needed=False, twins=1, panel=40, batch=16, dimension=True, **more)  # type: ignore[arg-type]
    return lc.take(small(), X, settings=settings)


@pytest.fixture
def as_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (slab, read_batch, pending):
        monkeypatch.setattr(module, "on_host", lambda device: False)


@pytest.mark.parametrize("device", DEVICES)
def test_the_census_is_the_same(device: str, as_on_a_device: None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = census(device=device)
    monkeypatch.undo()
    there = census()
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if device == "cuda" else {"rtol": 1e-5, "atol": 1e-5}
    pd.testing.assert_frame_equal(found.layers, there.layers, **tolerance)
    pd.testing.assert_frame_equal(found.units, there.units, **tolerance)


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_not_finite_is_named_when_the_pass_is_over(device: str, as_on_a_device: None) -> None:
    x = X.clamp(-3, 3)
    x[37, 0, 0, 0] = 5
    with pytest.raises(lc.CensusError, match=r"Got (inf|NaN) in layer 'act2' .* for example '37'"):
        lc.take(overflowing(), x, twin=False, device=device, settings=lc.Settings(progress=False, needed=False))


@pytest.mark.parametrize("device", DEVICES)
def test_what_came_before_it_is_kept(
    device: str, as_on_a_device: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device tells of a batch only when the next one is under way: neither of the two counts."""
    saved: list[int] = []
    save = pending.Store.save
    monkeypatch.setattr(pending.Store, "save", lambda self, found: (saved.extend(found.keys), save(self, found)))
    x = X.clamp(-3, 3)
    x[37, 0, 0, 0] = 5
    settings = lc.Settings(progress=False, needed=False, batch=16, out=tmp_path)
    with pytest.raises(lc.CensusError, match=r"for example '37'"):
        lc.take(overflowing(), x, twin=False, device=device, settings=settings)
    assert set(saved) == {key(str(row)) for row in range(32)}


def test_tallies_come_to_the_disk_at_checkpoints_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "FOLDED", {True: 1, False: 1})  # every batch is tallied
    saves: list[int] = []
    save = pending.Store.save
    monkeypatch.setattr(pending.Store, "save", lambda self, found: (saves.append(len(found.keys)), save(self, found)))
    often = census(out=tmp_path)
    assert saves == [150]
    monkeypatch.undo()
    pd.testing.assert_frame_equal(often.units, census().units, rtol=1e-5, atol=1e-5)


def test_streams_follow_the_readings_to_their_device() -> None:
    """Shapes and devices alone: tensors without content stand for those on a GPU."""
    with FakeTensorMode():
        reading = reduce_output(torch.empty(5, 4, 8, 8, device="cuda"), 1)
        assert (reading.mean.device.type, reading.peak.device.type) == ("cuda", "cuda")
        moments = Moments.empty(4)
        moments.move(reading.peak.device)
        kinds = {name: (x.device.type, x.dtype) for name, x in moments.state_dict().items()}
    assert kinds.pop("count") == ("cpu", torch.int64)  # single numbers go with any device
    assert kinds.pop("fired") == ("cuda", torch.int64)
    assert set(kinds.values()) == {("cuda", torch.float64)}
