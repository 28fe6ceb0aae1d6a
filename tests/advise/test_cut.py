"""Units cut out of the weights where modules follow each other, and where cutting would say something else."""

from __future__ import annotations

import torch
from torch import nn

from layercensus.advise.level import highest_level

from .nets import census, inputs

COPIED, NOTHING = 5, 1 - 1e-6


def convolutions() -> nn.Sequential:
    """Both convolutions make every unit twice; batch norms with statistics, a maximum and a flattened map between."""
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Conv2d(1, 2 * COPIED, 3), nn.BatchNorm2d(2 * COPIED), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(2 * COPIED, 2 * COPIED, 2, bias=False), nn.BatchNorm2d(2 * COPIED), nn.ReLU(), nn.Dropout(),
        nn.Flatten(), nn.Linear(2 * COPIED * 4, 4),
    ).eval()  # fmt: skip
    with torch.no_grad():
        for norm in (net[1], net[5]):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            norm.bias.uniform_(0.5, 1)
        for module in (net[0], net[1], net[4], net[5]):
            for values in (*module.parameters(), *module.buffers()):
                if values.ndim:
                    values[COPIED:] = values[:COPIED]
    return net


def test_copies_go_from_convolutions_normalisations_and_a_flattened_map() -> None:
    net, x = convolutions(), inputs(0, 1, 8, 8)
    advice = census(net, x).advise(net, x, parts=["prune"], fidelity=[NOTHING])
    small = advice.pruned(NOTHING)
    assert small[0].out_channels == small[1].num_features == small[4].in_channels == COPIED
    assert small[4].out_channels == small[5].num_features == COPIED
    assert small[9].in_features == 4 * COPIED
    torch.testing.assert_close(small(x), net(x), rtol=1e-3, atol=1e-4)
    assert advice.ratios(NOTHING) == {"0": 0.5, "4": 0.5}
    assert advice.withheld.empty


def test_a_flattened_map_with_its_units_last_is_not_cut() -> None:
    """Its reader's inputs go by positions first: cut as blocks of a unit they would be others."""
    torch.manual_seed(4)
    net, x = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Flatten(), nn.Linear(24, 4)).eval(), inputs(1, 3, 6)
    advice = census(net, x).advise(net, x, parts=["prune"], fidelity=[0.6])
    assert len(advice.masks(0.6)) == 1  # held at their means the units can go
    assert len(advice.together) == 0
    assert "leave other answers than taken out of the layer's output" in advice.withheld["why"].iloc[0]


def test_a_level_is_the_highest_whose_measured_loss_is_within_the_bound() -> None:
    asked = list[float]()

    def lost(level: float) -> float:
        asked.append(level)
        return 7 * level + 0.5 * level**0.5 * (level > 0.02)  # five layers that do not add up

    level = highest_level(lost, 0.1, 5)
    assert level is not None
    assert lost(level) <= 0.1 < lost(1.2 * level)
    assert len(asked) < 14
    assert highest_level(lambda level: 1.0, 0.1, 5) is None
    assert highest_level(lambda level: 0.0, 0.1, 5) == 0.1
