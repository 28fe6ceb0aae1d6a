"""Layers of planted rank as two thin ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from layercensus.advise.low_rank import LowRank, numbers_saved

from .nets import census, inputs

WIDTH, RANK = 32, 5
NOTHING = 1 - 1e-7


def of_rank(rows: int, columns: int, rank: int) -> Tensor:
    return torch.randn(rows, rank) @ torch.randn(rank, columns) / rank**0.5 / columns**0.5


def dense() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 4))
    with torch.no_grad():
        net[2].weight.copy_(of_rank(WIDTH, WIDTH, RANK))
    return net.eval(), inputs(0, WIDTH)


def pointwise() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(3, WIDTH, 3), nn.Tanh(), nn.Conv2d(WIDTH, WIDTH, 1, bias=False), nn.Tanh(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, 4),
    )  # fmt: skip
    with torch.no_grad():
        net[2].weight.copy_(of_rank(WIDTH, WIDTH, RANK)[..., None, None])
    return net.eval(), inputs(1, 3, 6, 6)


@pytest.mark.parametrize("make", [dense, pointwise])
def test_a_layer_of_low_rank_becomes_two_and_the_answers_stay(make: object) -> None:
    net, x = make()  # type: ignore[operator]
    advice = census(net, x).advise(net, x, parts=["compress"], fidelity=[NOTHING])
    row = advice.compress.set_index("layer").loc["2"]
    own = sum(p.numel() for p in net[2].parameters())
    assert row["what"] == f"rank {RANK}"
    assert (row["before"], row["after"]) == (own, own - numbers_saved(net[2], RANK))
    thin = advice.compressed(NOTHING)
    assert advice.ranks[NOTHING]["2"] == RANK
    assert isinstance(thin[2], LowRank)
    torch.testing.assert_close(thin(x).softmax(1), net(x).softmax(1), rtol=1e-3, atol=1e-4)
    saved = sum(p.numel() for p in net.parameters()) - sum(p.numel() for p in thin.parameters())
    whole = advice.together.iloc[0]
    assert saved == whole["parameters_before"] - whole["parameters"] >= numbers_saved(net[2], RANK) > 0
    assert whole["fidelity"] > NOTHING


def test_a_layer_that_needs_its_rank_is_left_alone() -> None:
    torch.manual_seed(2)
    net, x = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8)).eval(), inputs(2, 8)
    advice = census(net, x).advise(net, x, parts=["compress"], fidelity=[0.999])
    assert len(advice.compress) == len(advice.together) == 0
    assert advice.withheld["why"].tolist() == ["no layer saves parameters at fidelity 0.999"]
