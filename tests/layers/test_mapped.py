"""Layers called under torch.vmap cannot be read: they are listed with the reason, and what is around is counted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc

REASON = "it is called under torch.vmap, where no number of an output can be read: call it on the whole batch"
QUICK = lc.Settings(progress=False, pictures=0, resamples=20, needed=False, other_views=False)
X = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))


class Mapped(nn.Module):
    """A net of one example, mapped over a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.act, self.out = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        mapped: Tensor = torch.vmap(lambda row: self.out(self.act(self.hidden(row))))(x)
        return mapped


def test_a_net_that_is_all_mapped_is_refused_with_the_reason() -> None:
    with pytest.raises(lc.CensusError, match=REASON):
        lc.take(Mapped(), X, twin=False, settings=QUICK)


def test_what_is_around_mapped_layers_is_counted() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), Mapped(), nn.Tanh(), nn.Linear(6, 3))
    census = lc.take(net, X, twin=False, settings=QUICK)
    assert census.layers["layer"].tolist() == ["1", "3", "4"]
    assert f"2.act ({REASON})" in census.about["not_counted"]
    by_hand = torch.tanh(net[2](torch.tanh(net[0](X)))).mean(0).tolist()
    assert census.units.query("layer == '3'")["mean"].tolist() == pytest.approx(by_hand, abs=1e-5)
