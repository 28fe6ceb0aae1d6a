"""Units that the funnel calls dead, noise or duplicate, planted, are taken out, and the answers tell who used them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import layercensus as lc

UNITS = 24
DEAD, COPIES = slice(0, 4), slice(4, 8)  # 4 to 7 repeat 8 to 11, two and a half times as large and above 3


class Net(nn.Module):
    """A layer with units that never move and with copies of others, all of which the head reads."""

    def __init__(self, head: Tensor) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(16, UNITS), nn.Linear(UNITS, head.shape[1], bias=False)
        with torch.no_grad():
            weight = torch.randn(UNITS, 16, generator=torch.Generator().manual_seed(1))
            weight[DEAD] = 0
            weight[COPIES] = 2.5 * weight[8:12]
            self.layer.weight.copy_(weight)
            self.layer.bias.fill_(0.7)
            self.layer.bias[COPIES] = 3.0
            self.head.weight.copy_(head.T)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x))


def census(net: nn.Module, **more: object) -> lc.Census:
    x = torch.randn(400, 16, generator=torch.Generator().manual_seed(2))
    settings = lc.Settings(progress=False, resamples=20, pictures=0)
    return lc.take(net, x, twin=False, layers="layer", output=lambda y: y, settings=settings, seed=0, **more)  # type: ignore[arg-type]


def head() -> Tensor:
    return torch.randn(UNITS, 5, generator=torch.Generator().manual_seed(3))


def test_dead_units_are_not_used_at_all_and_copies_hardly() -> None:
    found = census(Net(head()).eval())
    fate = found.units["fate"].tolist()
    assert fate[DEAD] == ["dead"] * 4
    assert fate.count("duplicate") == 4
    dead, noise, duplicate = found.array("layer", "lost_without")
    assert dead == 0.0
    assert noise != noise  # a layer without noise
    assert duplicate < 1e-9
    assert not [f for f in found.findings if "the net uses" in f.sentence]


def test_noise_that_the_net_reads_is_a_finding() -> None:
    """A view that draws the first three inputs anew makes noise of every unit that reads these alone."""
    net = Net(head()).eval()
    with torch.no_grad():
        net.layer.weight[12:15] = 0
        net.layer.weight[12:15, :3] = 2 * torch.eye(3)
        net.head.weight[:, 12:15] *= 3
    found = census(net, views=_redrawn)
    assert found.units["fate"].tolist()[12:15] == ["noise"] * 3
    lost = found.array("layer", "lost_without")[1]
    assert abs(lost - _lost_without(net, slice(12, 15))) < 0.25 * lost
    said = [f for f in found.findings if "called noise, but the net uses" in f.sentence]
    assert [(f.layer, f.units) for f in said] == [("layer", (12, 13, 14))]


def _redrawn(example: Tensor, rng: object) -> Tensor:
    again = torch.as_tensor(example).clone()
    again[:3] = torch.from_numpy(rng.standard_normal(3)).to(again)  # type: ignore[attr-defined]
    return again


def _lost_without(net: nn.Module, units: slice) -> float:
    """By hand, over fresh examples."""
    x = torch.randn(5000, 16, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        rows = net.layer(x)
        answers = net.head(rows)
        rows[:, units] = rows[:, units].mean(0)
        change = net.head(rows) - answers
        return float(change.square().sum() / (answers - answers.mean(0)).square().sum())


class Bordered(nn.Module):
    """A map that is the same for every example and falls off at its border, beside one that sees the input."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.layer = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.head = nn.Linear(2 * 36, 4)
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1))
            self.first.bias.fill_(0.3)
            self.layer.weight[0, 1] = self.layer.weight[1, 0] = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.layer(self.first(x))).flatten(1))


def test_a_still_map_with_a_border_is_held_as_it_is() -> None:
    torch.manual_seed(4)
    net, x = Bordered().eval(), torch.randn(300, 1, 6, 6, generator=torch.Generator().manual_seed(4))
    settings = lc.Settings(progress=False, resamples=20, pictures=0)
    found = lc.take(net, x, twin=False, layers="layer", output=lambda y: y, settings=settings, seed=0)
    assert found.units["fate"].tolist()[0] == "dead"
    assert found.array("layer", "lost_without")[0] == 0.0
