"""Nets and data as a user's own module would hold them."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn


class Small(nn.Module):
    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 3, padding=1)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.act2 = nn.ReLU(inplace=True)
        self.fc = nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act1(self.conv1(x))
        return self.fc(self.act2(self.conv2(x)).mean((2, 3)))


class Silent(Small):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(3, 3)


class Overflowing(Small):
    """Its second layer is infinite for an example whose first pixel is above 4."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.act1(self.conv1(x)) / (x[:, :1, :1, :1] < 4).float()
        return self.fc(self.act2(self.conv2(x)).mean((2, 3)))


class Stubborn(Small):
    """A layer that cannot be drawn anew: its initialiser gives the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2 = Fixed(6, 6, 3, padding=1)


class Fixed(nn.Conv2d):
    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.weight.copy_(torch.linspace(-1, 1, self.weight.numel()).view_as(self.weight))
        nn.init.zeros_(self.bias)


def small() -> nn.Module:
    torch.manual_seed(0)
    return Small()


def table() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 4), nn.ReLU())


def colour() -> nn.Module:
    return Small(3)


def silent() -> nn.Module:
    return Silent()


def overflowing() -> nn.Module:
    torch.manual_seed(0)
    return Overflowing()


def stubborn() -> nn.Module:
    return Stubborn()


def other() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())


def number() -> int:
    return 3


def raises() -> nn.Module:
    raise RuntimeError("no weights today")


def noise() -> Tensor:
    return torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Slow(Small):
    """Takes its time over every batch, so that a test can interrupt it."""

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.03)
        return super().forward(x)


def slow() -> nn.Module:
    torch.manual_seed(0)
    return Slow()


def many() -> Tensor:
    return torch.randn(120, 1, 8, 8, generator=torch.Generator().manual_seed(0))
