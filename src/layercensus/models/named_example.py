"""Inputs with which the layers of a net are listed that were opened by a name."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def noise(shape: Sequence[int], examples: int = 2) -> Tensor:
    """(examples, *shape) standard normal, always the same.

    >>> noise((3, 8, 8)).shape
    torch.Size([2, 3, 8, 8])
    """
    return torch.randn(examples, *shape, generator=torch.Generator().manual_seed(0))
