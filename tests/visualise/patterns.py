"""A net whose units look for patterns that were written down: Gabor, colour opponent, checker, dot."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.visualise import Visualisations

SIDE = 11


def _grid() -> tuple[Tensor, Tensor]:
    at = torch.arange(SIDE).float() - SIDE // 2
    y, x = torch.meshgrid(at, at, indexing="ij")
    return y, x


def gabor(angle: float, frequency: float) -> Tensor:
    y, x = _grid()
    envelope = torch.exp(-(x**2 + y**2) / (2 * 2.2**2))
    wave = envelope * torch.cos(2 * math.pi * frequency * (x * math.cos(angle) + y * math.sin(angle)))
    return (wave - envelope * (wave.sum() / envelope.sum())).expand(3, -1, -1)


def opponent() -> Tensor:
    y, x = _grid()
    centre, around = (torch.exp(-(x**2 + y**2) / (2 * s**2)) for s in (1.5, 3.0))
    return torch.stack([centre / centre.sum(), -around / around.sum(), torch.zeros_like(centre)])


def checker() -> Tensor:
    y, x = _grid()
    envelope = torch.exp(-(x**2 + y**2) / (4 * 2.2**2))
    return ((((x // 3 + y // 3) % 2) * 2 - 1) * envelope).expand(3, -1, -1)


def dot() -> Tensor:
    y, x = _grid()
    spot = torch.exp(-(x**2 + y**2) / (2 * 1.2**2))
    return (spot - spot.mean()).expand(3, -1, -1)


PATTERNS = {
    "gabor 0": gabor(0, 0.2),
    "gabor 45": gabor(math.pi / 4, 0.15),
    "gabor 90": gabor(math.pi / 2, 0.25),
    "opponent": opponent(),
    "checker": checker(),
    "dot": dot(),
}


class Planted(nn.Module):
    """One convolution whose kernels are the patterns, and a ReLU."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, len(PATTERNS), SIDE, bias=False)
        kernels = torch.stack(list(PATTERNS.values()))
        self.conv.weight.data = kernels / kernels.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        self.act = nn.ReLU(inplace=inplace)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


def similarity(picture: Tensor, pattern: Tensor) -> float:
    """The highest absolute correlation of a pattern with any part of a picture of its size."""
    parts = picture.unfold(1, SIDE, 1).unfold(2, SIDE, 1).permute(1, 2, 0, 3, 4).flatten(2)
    parts = parts - parts.mean(2, keepdim=True)
    wanted = pattern.flatten() - pattern.mean()
    return float(((parts @ wanted) / (parts.norm(dim=2) * wanted.norm()).clamp(min=1e-9)).abs().max())


def colourful(count: int, side: int, channels: int = 3) -> Tensor:
    """Pictures with amplitudes of 1 / frequency and colours that go together, in 0..1."""
    random = torch.Generator().manual_seed(3)
    f = torch.sqrt(torch.fft.fftfreq(side)[:, None] ** 2 + torch.fft.rfftfreq(side)[None] ** 2).clamp(min=1 / side)
    fields = torch.fft.irfft2(
        torch.fft.rfft2(torch.randn(count, channels, side, side, generator=random)) / f, s=(side, side)
    )
    mixed = fields + 2 * fields.mean(1, keepdim=True)
    mixed = mixed - mixed.mean((1, 2, 3), keepdim=True)
    return (0.45 + 0.18 * mixed / mixed.std()).clamp(0, 1)


def see(
    model: Any, targets: Any, data: Any = None, *, preset: str | None = None, replicas: Any = (), **options: Any
) -> Visualisations:
    """`lc.see` without progress bars, its options as keywords."""
    return lc.see(
        model, targets, data, preset=preset, replicas=replicas, options=lc.SeeOptions(progress=False, **options)
    )
