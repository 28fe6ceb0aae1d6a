"""What a feature stands for, drawn: the weighted sum of what the features below it stand for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .crbm import Crbm
from .nets import Stack


@torch.no_grad()
def bases(stack: Stack, layer: int, positive: bool = False) -> Tensor:
    """Every feature of a layer as a picture of the input: (units, channels, side, side), of any range.

    A pooling unit of the layer below stands for its filter in the middle of its block. The sum of many filters blurs;
    positive: leave out those with a negative weight, as Lee et al. drew theirs.
    """
    weight: Tensor = stack.crbms[layer].weight
    for below in reversed(stack.crbms[:layer]):
        weight = weight.clamp_min(0) if positive else weight
        weight = nn.functional.conv_transpose2d(_apart(weight, below.form.pool), below.weight)
    return weight


def _apart(weight: Tensor, pool: int) -> Tensor:
    """Each pooling unit's weight where the middle of its block is, zeros between."""
    units, channels, height, width = weight.shape
    apart = weight.new_zeros(units, channels, height * pool, width * pool)
    apart[..., pool // 2 :: pool, pool // 2 :: pool] = weight
    return apart


def receptive(crbms: list[Crbm]) -> int:
    """Side of what one detection unit of the last layer sees of the input, pixels."""
    side = 1
    for number, crbm in enumerate(reversed(crbms)):
        side = (side if number == 0 else side * crbm.form.pool) + crbm.form.kernel - 1
    return side
