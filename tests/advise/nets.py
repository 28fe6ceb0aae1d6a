"""Nets of which is known what can be taken out of them, and the smallest census that advice asks for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.demo import train

INPUTS, UNITS, ANSWERS, EXAMPLES = 6, 8, 4, 400


def census(net: nn.Module, x: Any, **more: Any) -> lc.Census:
    """Counted without what advice does not read."""
    settings = lc.Settings(progress=False, pictures=0, resamples=20, needed=False, other_views=False, batch=256)
    return lc.take(net, x, twin=False, views=0.1, settings=settings, **more)


def inputs(seed: int = 0, *shape: int) -> Tensor:
    return torch.randn(EXAMPLES, *(shape or (INPUTS,)), generator=torch.Generator().manual_seed(seed))


def plain(seed: int = 0) -> nn.Sequential:
    """Eight units, all of which the answers need."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(INPUTS, UNITS), nn.Tanh(), nn.Linear(UNITS, ANSWERS)).eval()


def widened(net: nn.Sequential, copies: int = 3, dead: int = 5) -> nn.Sequential:
    """The same answers from more units: copies of each, with either sign, share what is read, and some never vary."""
    first, last = net[0], net[2]
    signs = torch.tensor([1.0, -1.0, 1.0])[:copies]
    wide = nn.Sequential(
        nn.Linear(INPUTS, copies * UNITS + dead), nn.Tanh(), nn.Linear(copies * UNITS + dead, ANSWERS)
    ).eval()
    with torch.no_grad():
        wide[0].weight.copy_(torch.cat([*(sign * first.weight for sign in signs), torch.zeros(dead, INPUTS)]))
        wide[0].bias.copy_(torch.cat([*(sign * first.bias for sign in signs), torch.linspace(0.5, 1, dead)]))
        shares = torch.tensor([0.5, 0.3, 0.2])[:copies]
        read = [sign * share / shares.sum() * last.weight for sign, share in zip(signs, shares, strict=True)]
        still = torch.tanh(torch.linspace(0.5, 1, dead))
        of_dead = torch.randn(ANSWERS, dead, generator=torch.Generator().manual_seed(7))
        wide[2].weight.copy_(torch.cat([*read, of_dead], 1))
        wide[2].bias.copy_(last.bias - of_dead @ still)
    return wide


class Switches(nn.Module):
    """Half of the units are read through a step, which has hardly any gradient; the others by small weights."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.act = nn.Linear(UNITS, 2 * UNITS), nn.Tanh()
        self.step, self.head = nn.Hardtanh(), nn.Linear(2 * UNITS, ANSWERS)
        with torch.no_grad():
            self.first.weight.copy_(torch.eye(UNITS).repeat(2, 1))
            self.first.weight[UNITS:] = torch.linalg.qr(torch.randn(UNITS, UNITS)).Q
            self.first.bias.zero_()
            self.head.weight[:, UNITS:] *= 0.1

    def forward(self, x: Tensor) -> Tensor:
        units = self.act(self.first(x))
        switched = self.step(1e4 * units[:, :UNITS])
        return self.head(torch.cat([switched, units[:, UNITS:]], 1))


def redundant() -> nn.Module:
    """By its name on the command line."""
    return widened(plain())


def digits() -> nn.Module:
    """A digits net after two of the demonstration's twenty epochs."""
    return train(0, widths=(12, 12, 16), epochs=2)[0]
