"""Layers whose weights make every output known."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


def linear(rows: Sequence[Sequence[float]], bias: Sequence[float] | None = None) -> nn.Linear:
    """A linear layer with these weights (out, in)."""
    weight = torch.tensor(rows, dtype=torch.float32)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def plus_minus() -> nn.Linear:
    """Two units: x and -x of a single feature."""
    return linear([[1.0], [-1.0]])


def plus_minus_conv() -> nn.Conv2d:
    """Two channels: x and -x of a single one."""
    conv = nn.Conv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
    return conv
