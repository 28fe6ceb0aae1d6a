"""Probabilistic max-pooling: in each block of detection units at most one is on, and the pooling unit says whether."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...errors import CensusError


def probabilities(inputs: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """How likely each unit of a block is the one that is on, and how likely none is.

    inputs: what each detection unit receives, (examples, units, height, width), both sides multiples of `side`.
    Returns (examples, units, height, width) and (examples, units, height / side, width / side), each in 0..1; a block's
    `side`^2 values and its off value sum to 1. Blocks of 1 x 1 give the sigmoid.

    Raises:
        CensusError: the blocks do not tile the map.
    """
    if side < 1 or inputs.shape[-1] % side or inputs.shape[-2] % side:
        raise CensusError(f"A map must be tiled by blocks of {side} x {side}. Got {tuple(inputs.shape[-2:])}.")
    highest = torch.zeros_like(inputs[..., ::side, ::side])  # subtracted before exp, so that nothing overflows
    for part in _block_positions(inputs, side):
        highest = torch.maximum(highest, part)
    on = torch.exp(inputs - upsampled(highest, side))
    off = torch.exp(-highest)
    scale = 1 / (off + sum(_block_positions(on, side)))
    return on * upsampled(scale, side), off * scale


def sample(on: Tensor, off: Tensor, side: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """One state of the detection units, and of the pooling units, 0 or 1, from what `probabilities` gives.

    The pooling unit is 1 where a unit of its block is. Each block takes one random number: where it falls in the row of
    the off probability and the units' probabilities decides.
    """
    left = torch.rand(off.shape, generator=generator, device=off.device, dtype=off.dtype) - off
    state, pooled = torch.zeros_like(on), torch.zeros_like(off)
    for probability, unit in zip(_block_positions(on, side), _block_positions(state, side), strict=True):
        before, left = left, left - probability
        unit.copy_((before >= 0) & (left < 0))
        pooled += unit
    return state, pooled


def upsampled(pooled: Tensor, side: int) -> Tensor:
    """Each pooling unit's value at all the units of its block: (..., height, width) x `side`."""
    return pooled.repeat_interleave(side, -2).repeat_interleave(side, -1) if side > 1 else pooled


def _block_positions(maps: Tensor, side: int) -> Iterator[Tensor]:
    """The same place of every block, one place after the other, as views."""
    for row in range(side):
        for column in range(side):
            yield maps[..., row::side, column::side]
