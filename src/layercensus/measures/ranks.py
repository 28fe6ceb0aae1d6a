"""Each unit's responses as ranks, and as what a normal response cut off at the same place would have been."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TIED = 1e-6  # of a response: nearer ones are the same but for rounding
GRID = 64  # correlations of a curve
AT_ONCE = 2**22  # responses that are sorted at once
CUT = 0.2  # of the rows at one value from which on what lies behind a unit is asked for
TERMS = 32  # of the Hermite series


@dataclass(frozen=True)
class Ranked:
    """The rows of some units in ranks, all in the order of the rows that they came from."""

    ranks: Tensor  # (rows, units) float32, ties at their middle
    scores: Tensor  # (rows, units) float32: as of a normal response, rectified where one end is the commonest; else 0
    silent: Tensor  # (units,) float32, fraction of the rows at the commonest value
    end: Tensor  # (units,) int8: 1 where the commonest value is the lowest, -1 the highest, 0 neither
    curve: Tensor  # (units, GRID) float32: correlation of the scores by that of the normal responses behind them


def ranked(rows: Tensor) -> Ranked:
    """Ranks and scores of the columns of (rows, units), some units at a time.

    What lies behind a unit that is cut off, switched or quantised is taken as normal: then the correlation of two such
    units follows from that of what lies behind them, by the coefficients of their Hermite series (a latent correlation
    in the sense of Fan, Liu, Ning & Zou 2017). For binary units it is the tetrachoric correlation.
    """
    parts = [ranked_block(rows[:, some]) for some in ranked_at_once(*rows.shape)]
    columns = {name: torch.cat([getattr(part, name) for part in parts], -1) for name in ("ranks", "scores")}
    each = {name: torch.cat([getattr(part, name) for part in parts]) for name in ("silent", "end", "curve")}
    return Ranked(**columns, **each)


def ranked_at_once(rows: int, units: int) -> Iterator[slice]:
    """The units that are ranked at once, so that sorting them takes little memory beside the layer; at least one."""
    step = max(1, AT_ONCE // max(1, rows))
    return (slice(at, at + step) for at in range(0, max(1, units), step))


def ranked_block(rows: Tensor) -> Ranked:
    """Ranks and scores of the columns of (rows, units), all at once."""
    n = len(rows)
    value, order = _sorted(rows.T.contiguous())
    first, last = _runs(value)
    longest, at = (last - first + 1).max(1)
    lowest, highest = first.gather(1, at[:, None])[:, 0] == 0, last.gather(1, at[:, None])[:, 0] == n - 1
    end = torch.where(lowest, 1, torch.where(highest, -1, 0))
    tied = ((longest >= CUT * n) & (longest < n)).nonzero().flatten()
    scores, curve = torch.zeros(len(value), n), torch.zeros(len(value), GRID)
    if len(tied):
        score, curve[tied] = _scores(first[tied], last[tied], longest[tied], end[tied])
        scores[tied] = score
    ranks = (first + last).float() / 2
    return Ranked(_back(ranks, order), _back(scores, order), longest.float() / n, end.to(torch.int8), curve)


def _scores(first: Tensor, last: Tensor, longest: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (units, rows), sorted, and the curves, of units that are cut off, switched or quantised."""
    n = first.shape[1]
    normal = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), normal.cumsum(0)])
    middle = (sums[last + 1] - sums[first]) / (last - first + 1)
    cut = torch.special.ndtri(longest.double() / n)[:, None]
    score = torch.where(end[:, None] == 0, middle, (middle * end[:, None] - cut).clamp(min=0))
    return score.float(), _curves(score, normal)


def _sorted(x: Tensor) -> tuple[Tensor, Tensor]:
    """Each row's values in ascending order, and where they were; on the CPU numpy is three times as fast as torch.

    Ties come in any order: they get one rank and one score.
    """
    if x.device.type != "cpu":
        return x.sort(dim=1)
    order = torch.from_numpy(np.argsort(x.numpy(), axis=1))
    return x.gather(1, order), order


def _runs(value: Tensor) -> tuple[Tensor, Tensor]:
    """First and last place of the run of equal values that each belongs to: (units, rows) sorted -> both int64."""
    n = value.shape[1]
    step = value[:, 1:] - value[:, :-1] > TIED * torch.maximum(value[:, 1:].abs(), value[:, :-1].abs())
    edge = torch.ones(len(value), 1, dtype=torch.bool)
    place = torch.arange(n).expand_as(value)
    first = torch.where(torch.cat([edge, step], 1), place, 0).cummax(1).values
    last = torch.where(torch.cat([step, edge], 1), place, n - 1).flip(1).cummin(1).values.flip(1)
    return first, last


def _back(sorted_values: Tensor, order: Tensor) -> Tensor:
    """Sorted values in the order of the rows: (units, rows) -> (rows, units)."""
    return torch.empty_like(sorted_values).scatter_(1, order, sorted_values).T


def _curves(score: Tensor, normal: Tensor) -> Tensor:
    """Correlation of two units with these scores, for each correlation of the grid: Mehler's formula."""
    centred = score - score.mean(1, keepdim=True)
    variance = centred.square().mean(1, keepdim=True).clamp(min=1e-300)
    weight = (centred @ _hermite(normal).T / len(normal)).square() / variance  # (units, TERMS)
    weight = weight / weight.sum(1, keepdim=True).clamp(min=1)
    rest = 1 - weight.sum(1, keepdim=True)
    rho = grid().double()
    powers = rho[None] ** torch.arange(1, TERMS + 2)[:, None]
    return (torch.cat([weight, rest], 1) @ powers).float()


def latent(c: Tensor, curves: Tensor) -> Tensor:
    """Correlations of what lies behind units and others like them, from those of their scores; the sign is kept.

    c: (units, any); curves: (units, GRID), one for each row. Some rows at a time, so that it takes little more than c.
    """
    step = max(1, AT_ONCE // max(1, c.shape[1]))
    parts = zip(torch.split(c, step), torch.split(curves, step), strict=True)
    return torch.cat([_latent(*part) for part in parts])


def _latent(c: Tensor, curves: Tensor) -> Tensor:
    at = torch.searchsorted(curves.contiguous(), c.abs().contiguous()).clamp(1, GRID - 1)
    below, above = curves.gather(1, at - 1), curves.gather(1, at)
    part = ((c.abs() - below) / (above - below).clamp(min=1e-9)).clamp(0, 1)
    rho = grid()
    return (rho[at - 1] + part * (rho[at] - rho[at - 1])).copysign(c)


def grid() -> Tensor:
    """The correlations at which curves are taken: (GRID,) from 0 to 1, closer towards 1."""
    return 1 - torch.linspace(1, 0, GRID).square()


def _hermite(x: Tensor) -> Tensor:
    """Orthonormal Hermite polynomials of degree 1 to TERMS: (TERMS, rows)."""
    terms = [torch.ones_like(x), x]
    for k in range(1, TERMS):
        terms.append((x * terms[k] - k**0.5 * terms[k - 1]) / (k + 1) ** 0.5)
    return torch.stack(terms[1:])
