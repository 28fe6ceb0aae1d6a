"""How well responses tell where a concept is from where it is not: areas under ROC curves, for many units at once."""

from __future__ import annotations

import torch
from torch import Tensor

from .by_units import by_units

EACH = 12  # numbers that ranking holds for every number that is ranked


def centred_ranks(x: Tensor) -> Tensor:
    """(rows, columns) float32: the ranks of each column, ties having their mean rank, less the mean of all ranks.

    >>> centred_ranks(torch.tensor([[5.0], [7.0], [5.0]])).flatten().tolist()
    [-0.5, 1.0, -0.5]
    """
    return by_units(_ranked, x, each=EACH * len(x))


def _ranked(x: Tensor) -> Tensor:
    value, order = x.sort(dim=0, stable=True)
    first, last = _ties(value)
    ranks = (first + last).float() / 2 - (len(x) - 1) / 2
    return torch.empty_like(ranks).scatter_(0, order, ranks)


def _ties(value: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, columns) int64 each: where among sorted values those equal to each begin and end."""
    n, at = len(value), torch.arange(len(value))[:, None]
    begins = torch.ones_like(value, dtype=torch.bool)
    begins[1:] = value[1:] != value[:-1]
    ends = begins.roll(-1, 0)
    ends[-1:] = True
    first = torch.where(begins, at, 0).cummax(0).values
    last = torch.where(ends, at, n - 1).flip(0).cummin(0).values.flip(0)
    return first, last


def aucs(ranks: Tensor, has: Tensor) -> Tensor:
    """(concepts, units): chance that a unit is higher where the concept is than where it is not, ties being a half.

    ranks: (rows, units) of `centred_ranks`; has: (rows, concepts), 1 where the concept is and else 0. A concept that is
    everywhere or nowhere has .5.
    """
    return 0.5 + has.T @ ranks / _pairs(has)[:, None]


def own_aucs(ranks: Tensor, has: Tensor) -> Tensor:
    """(concepts,): the same where each concept has a score of its own; ranks: (rows, concepts)."""
    return 0.5 + (has * ranks).sum(0) / _pairs(has)


def _pairs(has: Tensor) -> Tensor:
    """(concepts,) float32: pairs of a row with and a row without the concept."""
    with_it = has.sum(0)
    return (with_it * (len(has) - with_it)).clamp(min=1)


def influence(scores: Tensor, has: Tensor) -> Tensor:
    """(rows, concepts) float32: how far each row moves the AUC of its concept's score when it counts once more.

    The placements of DeLong, DeLong & Clarke-Pearson (1988): a resample's AUC is the AUC + weights @ influence, to
    first order. scores, has: (rows, concepts).
    """
    below = _below(scores, has)
    with_it = has.sum(0).clamp(min=1)
    without = (len(has) - has.sum(0)).clamp(min=1)
    placed = torch.where(has > 0, below[1] / without, 1 - below[0] / with_it)
    mean = torch.where(has > 0, (has * placed).sum(0) / with_it, ((1 - has) * placed).sum(0) / without)
    return (placed - mean) / torch.where(has > 0, with_it, without)


def _below(scores: Tensor, has: Tensor) -> Tensor:
    """(2, rows, concepts): how many rows with, and how many without, have a lower score; half of those as high."""
    value, order = scores.sort(dim=0, stable=True)
    first, last = _ties(value)
    found = []
    for kind in (has, 1 - has):
        sorted_kind = kind.gather(0, order)
        total = sorted_kind.cumsum(0)
        middle = (total.gather(0, first) - sorted_kind.gather(0, first) + total.gather(0, last)) / 2
        found.append(torch.empty_like(middle).scatter_(0, order, middle))
    return torch.stack(found)
