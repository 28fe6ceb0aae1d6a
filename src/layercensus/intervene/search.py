"""The numbers of directions that are tried: few, and close to where the answers begin to hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import count

import torch
from torch import Tensor

from ..measures.fidelity import LEAST, loss_by_directions, outside, smallest

COLUMN = 0.95  # the fidelity of the column `needed`, found to one direction, or to FINE of their number in wide layers
OTHERS = (0.99, 0.9)  # found as far as the curve between tried numbers can be trusted
FINE, COARSE = 0.05, 0.15
SMOOTH = 1.5  # the logarithm of the loss falls by less between two tried numbers that a curve may be drawn through
ALIKE = 0.12  # of two losses' logarithms, so close that the curve between them is as good as a line
GUESSES = 5  # from the curve, before the bracket is halved
Loss = Callable[[int], float]


def search(loss: Loss, spectrum: Tensor, *, also: Sequence[int] = (), others: bool = True) -> dict[int, float]:
    """Numbers of directions with the loss at each, around the smallest that holds COLUMN and those that hold OTHERS.

    loss: 1 - fidelity with so many directions kept. spectrum: (rank,) float64. also: numbers that are tried first.
    others: False looks for COLUMN alone, and with wider steps where guess after guess falls short.
    """
    tried = {kept: loss(kept) for kept in also}
    _bracket(loss, spectrum, COLUMN, tried, bold=not others)
    if not others:
        return dict(sorted(tried.items()))
    _bracket(loss, spectrum, OTHERS[0], tried)
    lowest = _guess(tried, spectrum, OTHERS[1])
    if lowest not in tried and lowest < min(tried) - 1:
        tried[lowest] = loss(lowest)
    return dict(sorted(tried.items()))


def _bracket(loss: Loss, spectrum: Tensor, fidelity: float, tried: dict[int, float], *, bold: bool = False) -> None:
    """Try numbers until one holds the fidelity and the next smaller one does not, or is known well enough."""
    rank = len(spectrum)
    for step in count():
        low, high = _bounds(tried, fidelity, rank)
        guess = _guess(tried, spectrum, fidelity)
        if high - low <= 1 or _close(tried, low, high, fidelity) or _found(tried, guess, fidelity):
            return
        if step >= GUESSES:
            guess = (low + min(high, rank) + 1) // 2
        elif step:
            guess = _across(guess, low, high, fidelity)
        if bold and step and low >= 0 and high >= rank:
            guess = max(guess, low + (guess - low) * 2**step)
        kept = min(max(guess, low + 1), min(high - 1, rank))
        tried[kept] = loss(kept)


def _width(fidelity: float) -> float:
    """Of a number of directions, how exactly it is wanted."""
    return FINE if fidelity == COLUMN else COARSE


def _close(tried: dict[int, float], low: int, high: int, fidelity: float) -> bool:
    """Whether the number can be read between two that were tried."""
    if low not in tried or high not in tried:
        return False
    fall = math.log(tried[low] / max(tried[high], LEAST))
    wide = _width(fidelity) * high
    within = high - low <= max(1, round(wide) + (fidelity != COLUMN))
    return (within and fall < SMOOTH) or (fall < 2 * ALIKE and high - low <= 4 * wide)


def _found(tried: dict[int, float], guess: int, fidelity: float) -> bool:
    """Whether, in a wide layer, a number that was tried is the guess to half of its width, and holds just so much."""
    reach = _width(fidelity) * guess / 2
    near = ALIKE if fidelity == COLUMN else 2 * ALIKE
    target = math.log(1 - fidelity)
    return reach >= 1 and any(
        abs(kept - guess) <= reach and abs(math.log(max(lost, LEAST)) - target) < near for kept, lost in tried.items()
    )


def _across(guess: int, low: int, high: int, fidelity: float) -> int:
    """A guess moved a little away from the nearer bound, so that what is tried is likely to lie on its other side."""
    step = int(_width(fidelity) * guess / 2)
    return guess + step if guess - low <= high - guess else guess - step


def _bounds(tried: dict[int, float], fidelity: float, rank: int) -> tuple[int, int]:
    """The largest number that fails below the smallest that holds; -1 and rank + 1 where there is none."""
    high = min((k for k, lost in tried.items() if lost <= 1 - fidelity), default=rank + 1)
    return max((k for k, lost in tried.items() if lost > 1 - fidelity and k < high), default=-1), high


def _guess(tried: dict[int, float], spectrum: Tensor, fidelity: float) -> int:
    known = sorted(tried.items())
    at = torch.tensor([k for k, _ in known], dtype=torch.int64)
    losses = torch.tensor([lost for _, lost in known], dtype=torch.float64)
    enough = losses <= 1 - fidelity
    one_sided = len(known) > 1 and bool(enough.all() or not enough.any())
    curve = outside(at, losses, spectrum, above=not enough.any()) if one_sided else None
    found = smallest(loss_by_directions(at, losses, spectrum) if curve is None else curve, fidelity)
    return len(spectrum) if math.isnan(found) else int(found)
