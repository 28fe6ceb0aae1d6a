"""What is the same count: a batch size is no part of it, the first examples are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc

X = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))
NET = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).double()


def settings(**more: Any) -> lc.Settings:
    return lc.Settings(progress=False, resamples=20, twins=1, memory_format="contiguous", **more)


def stream(size: int, x: Tensor = X) -> Iterator[Tensor]:
    yield from x.split(size)


@pytest.mark.parametrize("sizes", [(4, 64), (1, 3), (7, 9)])
def test_shards_of_a_stream_with_other_batch_sizes_are_of_one_count(sizes: tuple[int, int], tmp_path: Path) -> None:
    folders = [tmp_path / "1", tmp_path / "2"]
    for number, (size, out) in enumerate(zip(sizes, folders, strict=True), 1):
        lc.take(NET, stream(20), twin=False, settings=settings(shard=(number, 2), batch=size, out=out))
    assert lc.merge(folders, progress=False).about["examples"] == 60


class Stop(nn.Module):
    left = 0  # forward passes until Ctrl-C; 0 for never

    def forward(self, x: Tensor) -> Tensor:
        Stop.left -= 1
        if Stop.left == 0:
            raise KeyboardInterrupt
        return x


def test_a_stream_is_resumed_with_a_smaller_batch_and_its_own_first_examples(tmp_path: Path) -> None:
    net = nn.Sequential(Stop(), NET)
    Stop.left = 30
    with pytest.raises(KeyboardInterrupt):
        lc.take(net, stream(20), twin=False, settings=settings(batch=8, checkpoint=0, out=tmp_path))
    Stop.left = 0
    other = X.clone()
    other[7] += 1  # the last one that is compared
    again = settings(batch=2, out=tmp_path, resume=True)
    with pytest.raises(lc.CensusError, match="the examples differ"):
        lc.take(net, stream(20, other), twin=False, settings=again)
    assert lc.take(net, stream(20), twin=False, settings=again).about["examples"] == 60


def test_what_differs_between_shards_is_named(tmp_path: Path) -> None:
    folders = [tmp_path / "1", tmp_path / "2"]
    for number, tau in enumerate((0.9, 0.8), 1):
        lc.take(NET, X, twin=False, seed=number, settings=settings(shard=(number, 2), tau=tau, out=folders[number - 1]))
    said = r"2 must be a shard of the same count as .*1\. Got another: seed 2, not 1; tau 0\.8, not 0\.9\."
    with pytest.raises(lc.CensusError, match=said):
        lc.merge(folders, progress=False)
