"""One layer of one net is in memory at a time, unless training runs are compared."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.count.store import Store
from layercensus.tally import Panel


@pytest.mark.parametrize(("replicas", "at_once"), [(0, 1), (2, 3)])
def test_panels_that_are_not_compared_are_let_go(
    replicas: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    alive: list[weakref.ref[Any]] = []
    most = [0]
    read = Store.panel

    def counted(self: Store, *arguments: Any) -> Panel:
        panel = read(self, *arguments)
        alive.append(weakref.ref(panel))
        gc.collect()
        most[0] = max(most[0], sum(each() is not None for each in alive))
        return panel

    monkeypatch.setattr(Store, "panel", counted)

    def net(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3))

    x = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))
    settings = lc.Settings(progress=False, twins=1)
    census = lc.take(net(0), x, replicas=[net(n + 1) for n in range(replicas)], settings=settings)
    assert len(alive) == 3 * (2 + replicas)  # three layers of the net, its twin and the others
    assert most[0] == at_once
    assert census.layers["live"].gt(0).all()
