"""Nets whose answers rest on a number of directions that is known from how they were made."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SHAPES = {"dense": "n u", "conv": "n u 3 3", "token": "n 5 u"}  # n examples, u units


class Planted(nn.Module):
    """A layer of so many units, `act`, of which a head reads `directions` with equal weight; 2 more answers than those.

    unread: times the variance of what nothing reads. gain: of each unit, undone by the head. copies: of every unit.
    """

    def __init__(
        self, kind: str, units: int, directions: int, seed: int = 0, *, unread: float = 1.0, gain: float = 0.0,
        copies: int = 1, turn: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        gains = torch.exp(gain * torch.randn(units, generator=rng))
        turned = orthogonal(units, rng) if turn else torch.eye(units)
        scale = torch.full((units,), unread**0.5).index_fill_(0, torch.arange(directions), 1)
        head = centred(directions, rng)
        self.kind, self.act = kind, nn.Identity()
        inside = (gains[:, None] * turned * scale).repeat(copies, 1)
        self.inside = (
            nn.Conv2d(units, copies * units, 1, bias=False) if kind == "conv" else nn.Linear(units, len(inside))
        )
        self.head = nn.Linear(copies * units, directions + 2)
        weight = (head @ turned[:, :directions].T / gains / copies).repeat(1, copies)
        self.load_state_dict({
            name: {"inside.weight": inside, "head.weight": weight}.get(name, torch.zeros_like(old)).reshape(old.shape)
            for name, old in self.state_dict().items()
        })  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.inside(x))
        y: Tensor = self.head(h.mean((2, 3)) if self.kind == "conv" else h.mean(1) if self.kind == "token" else h)
        return y


def orthogonal(units: int, rng: torch.Generator) -> Tensor:
    """A random rotation."""
    q, r = torch.linalg.qr(torch.randn(units, units, generator=rng, dtype=torch.float64))
    turned: Tensor = (q * r.diagonal().sign()).float()
    return turned


def centred(directions: int, rng: torch.Generator) -> Tensor:
    """(directions + 2, directions) orthonormal columns, each of mean 0, so that nothing is lost by centring."""
    columns = torch.randn(directions + 2, directions, generator=rng)
    orthonormal: Tensor = torch.linalg.qr(columns - columns.mean(0))[0]
    return orthonormal


def inputs(kind: str, units: int, examples: int, seed: int = 0) -> Tensor:
    """Independent numbers for `Planted`."""
    shape = [{"n": examples, "u": units}.get(axis) or int(axis) for axis in SHAPES[kind].split()]
    return torch.randn(shape, generator=torch.Generator().manual_seed(10_000 + seed))
