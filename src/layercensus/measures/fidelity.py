"""How many directions hold a given fidelity, read from the few numbers of directions that were tried."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..tally.needs import MOST

LEAST = 1e-12  # loss below which the answers are the same
STEEP = 4.0  # times the tail's own slope, or its inverse: what a curve outside the tried numbers may have


def loss_by_directions(tried: Tensor, loss: Tensor, spectrum: Tensor) -> Tensor:
    """(rank + 1,) float64: the loss with the first 0, 1, ... directions kept, never rising.

    tried: (tried,) ascending numbers of directions. loss: (tried,) 1 - fidelity at each. spectrum: (rank,) what the
    answers move along each direction to first order. Between two tried numbers the logarithm of the loss is linear in
    that of the spectrum's tail; outside them it has the tail's own slope. With nothing tried, the tail itself.
    """
    tail = _tail(spectrum.double())
    if not len(tried):
        return tail.exp()
    at, known = tail[tried], loss.double().clamp(LEAST, MOST).log()
    known = torch.cummin(known, 0).values
    between = torch.bucketize(torch.arange(len(tail)), tried, right=True).clamp(1, max(1, len(tried) - 1))
    left, right = (between - 1, between.clamp(max=len(tried) - 1)) if len(tried) > 1 else (between * 0, between * 0)
    run = at[right] - at[left]
    step = torch.where(run.abs() > 1e-9, (tail - at[left]) / run.where(run.abs() > 1e-9, torch.ones(())), 1.0)
    inside = known[left] + step.clamp(0, 1) * (known[right] - known[left])
    number = torch.arange(len(tail))
    below, above = number < tried[0], number > tried[-1]
    inside = torch.where(below, known[0] + tail - at[0], torch.where(above, known[-1] + tail - at[-1], inside))
    inside[tried] = known
    return torch.cummin(inside, 0).values.exp()


def outside(tried: Tensor, loss: Tensor, spectrum: Tensor, *, above: bool) -> Tensor:
    """(rank + 1,) float64: the loss as the last two tried numbers go on above them, or the first two below them.

    tried, loss, spectrum: as above, at least two of tried. The logarithm of the loss is linear in that of the tail.
    """
    tail = _tail(spectrum.double())
    ends = slice(-2, None) if above else slice(0, 2)
    at, known = tail[tried[ends]], loss.double()[ends].clamp(LEAST, MOST).log()
    run = float(at[1] - at[0])
    slope = float(known[1] - known[0]) / run if abs(run) > 1e-9 else 1.0
    from_, value = (at[1], known[1]) if above else (at[0], known[0])
    return (value + min(max(slope, 1 / STEEP), STEEP) * (tail - from_)).exp()


def smallest(loss: Tensor, fidelity: float) -> float:
    """The smallest number of directions whose loss (rank + 1,) is at most 1 - fidelity; nan where none is."""
    enough = (loss <= (1 - fidelity) * (1 + 1e-9)).nonzero()
    return float(enough[0, 0]) if len(enough) else math.nan


def _tail(spectrum: Tensor) -> Tensor:
    """(rank + 1,) the logarithm of the fraction of the spectrum that is left after the first 0, 1, ... directions."""
    total = spectrum.sum().clamp(min=1e-300)
    left = torch.cat([spectrum.flip(0).cumsum(0).flip(0), spectrum.new_zeros(1)]) / total
    return left.clamp(min=LEAST).log()
