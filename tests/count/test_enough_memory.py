"""Too little memory is one line that says what would change it, and what is counted stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.count.store import COUNTING, Store

CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory: you tried to allocate")
ERRORS = [CPU, MemoryError("Unable to allocate 9 GiB"), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")]
ROOM = {"examples": 10**9, "error": CPU}  # how many examples the machine lets pass


class Filling(nn.Module):
    """It runs out of memory once so many examples have passed."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))

    def forward(self, x: Tensor) -> Tensor:
        ROOM["examples"] -= len(x)
        if ROOM["examples"] < 0:
            raise ROOM["error"]
        return self.net(x)


def census(out: Path, **more: Any) -> lc.Census:
    x = torch.randn(96, 4, generator=torch.Generator().manual_seed(0))
    settings = lc.Settings(progress=False, batch=16, out=out, checkpoint=0, pictures=0, needed=False, **more)
    return lc.take(Filling(), x, twin=False, settings=settings)


@pytest.mark.parametrize("error", ERRORS)
def test_a_forward_pass_without_memory_is_one_line_and_what_is_counted_stays(
    error: BaseException, tmp_path: Path
) -> None:
    ROOM.update(examples=10**9, error=error)
    whole = census(tmp_path / "whole")
    ROOM["examples"] = 200  # the survey's passes and some batches
    with pytest.raises(lc.CensusError, match=r"forward pass of example '\d+' must fit in memory") as no:
        census(tmp_path / "out")
    said = str(no.value)
    assert "\n" not in said
    assert type(error).__name__ in said
    assert "Count fewer layers" in said
    assert "what is counted so far is kept" in said
    done = len(Store.open(tmp_path / "out" / COUNTING).done)
    assert 0 < done < 96
    ROOM["examples"] = 10**9
    resumed = census(tmp_path / "out", resume=True)
    pd.testing.assert_frame_equal(resumed.layers, whole.layers, rtol=1e-6, atol=1e-6)


def test_a_panel_beyond_memory_is_one_line_and_what_is_counted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise MemoryError

    ROOM["examples"] = 10**9
    monkeypatch.setattr(Store, "panel", full)
    with pytest.raises(lc.CensusError, match=r"Measuring layer 'net\.1' must fit in memory\. Got MemoryError\. Free"):
        census(tmp_path / "out")
    monkeypatch.undo()
    before = ROOM["examples"]
    assert census(tmp_path / "out", resume=True).about["examples"] == 96
    assert before - ROOM["examples"] < 96  # the survey's passes alone: no example was read again
