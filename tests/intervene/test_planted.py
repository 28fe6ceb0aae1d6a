"""What a head reads by construction is what the net is found to need, through the public function."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from layercensus.testing.read_directions import Planted, inputs

from .planted import census, needed


@pytest.mark.parametrize(
    ("kind", "units", "directions", "dtype"),
    [
        ("dense", 32, 3, torch.float32), ("dense", 128, 20, torch.bfloat16), ("dense", 128, 64, torch.float32),
        ("conv", 32, 8, torch.bfloat16), ("conv", 256, 20, torch.float32),
        ("token", 32, 1, torch.float32), ("token", 128, 64, torch.bfloat16),
    ],
)  # fmt: skip
def test_what_a_head_reads_is_what_is_needed(kind: str, units: int, directions: int, dtype: torch.dtype) -> None:
    net, x = Planted(kind, units, directions, seed=1), inputs(kind, units, 560, 1)
    row = census(net.to(dtype), x.to(dtype)).layers.iloc[0]
    assert abs(row["needed_99"] - directions) <= max(1, 0.06 * directions)
    assert row["needed_90"] <= row["needed"] <= row["needed_99"] <= units
    assert row["needed_low"] <= row["needed"] <= row["needed_high"]
    assert row["needed_status"] == "estimate"


@pytest.mark.parametrize(
    "change",
    [
        {"turn": False}, {"gain": 1.0}, {"copies": 3}, {"unread": 400.0},
        {"gain": 1.0, "copies": 2, "unread": 400.0},
    ],
)  # fmt: skip
def test_bases_scales_copies_and_what_nothing_reads_do_not_count(change: dict[str, float]) -> None:
    x = inputs("dense", 32, 400)
    assert needed(Planted("dense", 32, 8, **change), x) == needed(Planted("dense", 32, 8), x) == 8


def test_the_number_does_not_follow_the_width() -> None:
    assert [needed(Planted("token", width, 8), inputs("token", width, 400)) for width in (16, 64, 256)] == [8, 8, 8]


def test_batch_and_order_change_nothing() -> None:
    net, x = Planted("conv", 24, 5), inputs("conv", 24, 90)
    rows = []
    for batch, shuffled in ((1, False), (7, False), (64, True)):
        order = torch.randperm(90, generator=torch.Generator().manual_seed(1)) if shuffled else torch.arange(90)
        data = [{"inputs": x[some], "ids": [str(int(id)) for id in some]} for some in order.split(32)]
        rows.append(census(net, data, batch=batch).layers.filter(like="needed").iloc[0].tolist())
    assert rows[0] == rows[1] == rows[2]
    assert rows[0][3:5] == [5, 5]


class Aside(nn.Module):
    """A layer that nothing reads, between two that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.aside, self.last = nn.Linear(8, 16), nn.Linear(16, 9), nn.Linear(16, 3)
        self.relu, self.tanh = nn.ReLU(), nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.first(x))
        self.tanh(self.aside(h))
        return self.last(h)


def test_a_layer_that_nothing_reads_needs_nothing_and_classes_bound_the_last() -> None:
    layers = census(Aside(), torch.randn(300, 8), layers=None).layers.set_index("layer")
    assert layers.loc["tanh", ["needed_90", "needed", "needed_low", "needed_high", "needed_99"]].tolist() == [0] * 5
    assert layers.loc["relu", "needed_99"] == layers.loc["last", "needed_99"] == 2  # of three classes


def test_a_layer_of_low_rank_needs_no_more_than_its_rank() -> None:
    net = nn.Sequential(nn.Linear(6, 200), nn.Identity(), nn.Linear(200, 300))
    row = census(net, torch.randn(400, 6), layers=["1"]).layers.iloc[0]
    assert row["needed_99"] <= 6
    assert row["needed_status"] == "estimate"  # 200 examples span all of it
