"""Nets with awkward modes, ends, branches and residual sums."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .weights import linear, plus_minus


class Noisy(nn.Module):
    """Dropout and batch norm, left in train mode but for one frozen part."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop, self.fc = nn.BatchNorm1d(2), nn.Dropout(0.5), linear([[2.0, 0.0], [0.0, 3.0]])
        self.train()
        self.norm.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.drop(self.norm(x)))


class Stops(nn.Module):
    """Stops half way for negative input."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error, self.a, self.act, self.b = error, plus_minus(), nn.ReLU(), linear([[1.0, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.act(self.a(x)))
        if bool((x < 0).any()):
            raise self.error
        return self.b(y)


class Skips(nn.Module):
    """Calls its second layer only for positive input."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = plus_minus(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.b(y) if bool((x > 0).all()) else y


class Residual(nn.Module):
    """y + x where the widths agree."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv, self.act, self.skip = nn.Conv2d(inside, outside, 1), nn.ReLU(), inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(self.act(x))
        return y + x if self.skip else y


class Blocks(nn.Module):
    """Three blocks of one class in a list, one of them without a skip; then classes."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Residual(3, 3), Residual(3, 5), Residual(5, 5)])
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return torch.softmax(self.fc(self.pool(x).flatten(1)), 1)


class OtherResidual(Residual):
    """The same under another class."""


class Pair(nn.Module):
    """A block made of two residual parts of different classes (T5's attention and feed-forward)."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([Residual(3, 3), OtherResidual(3, 3)])

    def forward(self, x: Tensor) -> Tensor:
        return self.parts[1](self.parts[0](x))


class BasicBlock(nn.Module):
    """ResNet's: the ReLU after the sum is what it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x) + x)


class Shared(nn.Module):
    """One module under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = plus_minus()
        self.second = self.first

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x)
