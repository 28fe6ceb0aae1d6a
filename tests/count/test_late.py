"""Modules that run for the first time after the survey stay known through interruptions and merges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.data.keys import key

ROWS = 400
SLOW = sorted(range(ROWS), key=lambda row: key(str(row)))  # the survey looks at those of small keys
RARE, RARER = (next(row for row in reversed(SLOW) if key(str(row)) % 2 == n) for n in (0, 1))


class Rare(nn.Module):
    """Modules that one example each reaches, told by a mark in its first value."""

    stop = -1  # examples until Ctrl-C

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        self.rare, self.rarer = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        if (x[:, 0] == 50).any():
            x = x + self.rare(x)
        if (x[:, 0] == 60).any():
            x = x + self.rarer(x)
        if (x[:, 0] == Rare.stop).any():
            raise KeyboardInterrupt
        return self.body(x)  # type: ignore[no-any-return]


def data() -> Tensor:
    x = torch.randn(ROWS, 6, generator=torch.Generator().manual_seed(0))
    x[RARE, 0], x[RARER, 0] = 50, 60
    return x


def settings(**more: Any) -> lc.Settings:
    return lc.Settings(
        progress=False,
        resamples=20,
        twins=1,
        memory_format="contiguous",
        batch=1,
        panel=16,
        needed=False,
        other_views=False,
        **more,
    )


def late(census: lc.Census) -> list[str]:
    return sorted(census.about["met_late"])


EXPECTED = sorted(f"Module {n!r} first ran for example '{row}'" for n, row in (("rare", RARE), ("rarer", RARER)))


def test_shards_tell_what_each_of_them_met(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, same = Rare(), []
    folders = [tmp_path / "1", tmp_path / "2"]
    for number, out in enumerate(folders, 1):
        same.append(late(lc.take(net, data(), twin=False, settings=settings(shard=(number, 2), out=out))))
    assert [len(one) for one in same] == [1, 1]
    for order in (folders, folders[::-1]):
        assert late(lc.merge(order, progress=False)) == EXPECTED


def test_a_resumed_count_tells_what_was_met_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x = Rare(), data()
    last = max(RARE, RARER) + 1
    assert last < ROWS
    x[last, 0] = Rare.stop = 70
    with pytest.raises(KeyboardInterrupt):
        lc.take(net, x, twin=False, settings=settings(out=tmp_path))
    Rare.stop = -1
    assert late(lc.take(net, x, twin=False, settings=settings(out=tmp_path, resume=True))) == EXPECTED
