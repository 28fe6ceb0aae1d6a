"""The bar of a count says how much of the time bare passes would take, and measuring that changes nothing."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.count import speed


class Clock:
    """A net whose passes take as long as they hold examples, on a clock of its own."""

    now = 0.0


class Timed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))

    def forward(self, x: Tensor) -> Tensor:
        Clock.now += len(x)
        return self.net(x)  # type: ignore[no-any-return]


def census(progress: bool) -> lc.Census:
    x = torch.randn(96, 4, generator=torch.Generator().manual_seed(0))
    settings = lc.Settings(progress=progress, needed=False, panel=16, batch=8, twins=1)
    return lc.take(Timed(), x, twin=False, settings=settings)


def test_a_count_that_only_passes_is_all_bare(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shares: list[float] = []
    share = speed.Speed.share.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(speed.time, "perf_counter", lambda: Clock.now)  # type: ignore[attr-defined]
    monkeypatch.setattr(speed.Speed, "share", property(lambda self: (shares.append(share(self)), shares[-1])[1]))
    shown = census(progress=True)
    assert len(shares) == 96 // 8 - speed.AFTER
    assert all(0.6 < each <= 1 for each in shares)  # spot checks of single examples are no part of the passes
    assert max(shares) == 1
    assert re.search(r"counting: .*of it bare passes", capsys.readouterr().err)
    monkeypatch.undo()
    pd.testing.assert_frame_equal(shown.units, census(progress=False).units, rtol=1e-6, atol=1e-7)
