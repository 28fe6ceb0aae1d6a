"""Units cut out by Torch-Pruning where functions stand between modules."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from .nets import census, inputs

pytest.importorskip("torch_pruning")
COPIED, NOTHING = 6, 1 - 1e-6


class Inverted(nn.Module):
    """A residual block around a depthwise convolution, every second unit of which is a copy, and a mean."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(8)
        self.stem = nn.Conv2d(3, 8, 3)
        self.expand, self.relu = nn.Conv2d(8, 2 * COPIED, 1), nn.ReLU()
        self.depthwise, self.relu2 = nn.Conv2d(2 * COPIED, 2 * COPIED, 3, padding=1, groups=2 * COPIED), nn.ReLU()
        self.aside = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
        self.project, self.head = nn.Conv2d(2 * COPIED, 8, 1), nn.Linear(8, 4)
        with torch.no_grad():
            for module in (self.expand, self.depthwise):
                module.weight[COPIED:] = module.weight[:COPIED]
                module.bias[:COPIED] += 1  # so that none is dead
                module.bias[COPIED:] = module.bias[:COPIED]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        self.aside(x.mean((2, 3)))  # the answers do not depend on it
        y = self.relu2(self.depthwise(self.relu(self.expand(x))))
        return self.head((x + self.project(y)).mean((2, 3)))


def test_copies_go_from_both_sides_of_a_depthwise_convolution() -> None:
    net, x = Inverted().eval(), inputs(0, 3, 7, 7)
    advice = census(net, x).advise(net, x, parts=["prune"], fidelity=[NOTHING], engine="torch_pruning")
    small = advice.pruned(NOTHING)
    assert (small.expand.out_channels, small.depthwise.groups, small.project.in_channels) == (COPIED,) * 3
    assert (small.stem.out_channels, small.project.out_channels) == (8, 8)  # they feed a sum
    torch.testing.assert_close(small(x), net(x), rtol=1e-3, atol=1e-4)
    assert net.expand.out_channels == 2 * COPIED
    assert advice.ratios(NOTHING) == {"depthwise": 0.5}
    assert advice.together["layers"].tolist() == [1]


def test_modules_that_follow_each_other_do_not_need_it() -> None:
    """What a function reads is found by Torch-Pruning, and by the own way not."""
    net, x = Inverted().eval(), inputs(0, 3, 7, 7)
    own = census(net, x).advise(net, x, parts=["prune"], fidelity=[NOTHING])
    assert len(own.together) == 0
    assert set(own.withheld["layer"]) >= {"relu", "relu2"}
