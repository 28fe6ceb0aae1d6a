"""Canonical pairs: directions of two nets' scores that say the same, fitted on some examples and checked on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .halves import Halves, centred, within

STILL = 1e-3  # of the largest variance: a direction of the scores below it is left out


@dataclass(frozen=True)
class Pairs:
    """Canonical pairs, the strongest on the fitting examples first, and what they read on the checking examples."""

    left: Tensor  # (examples, spots, pairs) float64, on the checking examples
    right: Tensor  # (examples, spots, pairs) float64
    fitted: Tensor  # (pairs,) float64, r^2 on the fitting examples
    weights: Tensor  # (columns, pairs) float64: what the left net's columns are multiplied with

    @cached_property
    def r2(self) -> Tensor:
        """(pairs,) float64: squared correlation on the checking examples, with the sign of the correlation.

        At most 0 for a pair of which one example carries more than half.
        """
        sums = self._sums()
        total = [part.sum(0, keepdim=True) for part in sums]
        examples, spots = len(self.left), self.left.shape[1]
        r2 = _signed(total, examples * spots)[0]
        without = _signed([whole - part for whole, part in zip(total, sums, strict=True)], (examples - 1) * spots)
        return torch.where(without.amin(0) >= r2 / 2, r2, r2.clamp(max=0))

    def count(self, cut: float) -> int:
        """How many pairs have a positive correlation with r^2 >= cut on the checking examples."""
        return int((self.r2 >= cut).sum())

    def counts(self, cut: float, weights: Tensor) -> Tensor:
        """(resamples,) float64: `count` where example i counts weights[:, i] times, with the doubt of the fit.

        Fitted directions read too much where they were fitted, and as much too little elsewhere: the resamples lie
        around the middle of both. weights: (resamples, examples) float64.
        """
        n = weights.sum(1, keepdim=True) * self.left.shape[1]
        r2 = _signed([weights @ part for part in self._sums()], n) + (self.fitted - self.r2) / 2
        return ((r2 >= cut) & (self.r2 > 0)).sum(1).double()

    def _sums(self) -> list[Tensor]:
        """Of each example, over its spots: both sides, their squares, and their product; each (examples, pairs)."""
        p, q = (side - side.mean((0, 1)) for side in (self.left, self.right))
        return [part.sum(1) for part in (p, q, p * p, q * q, p * q)]


def _signed(sums: Sequence[Tensor], n: Tensor | float) -> Tensor:
    """r^2 with the sign of r from sums over n rows; 0 where a side does not vary."""
    p, q, pp, qq, pq = (part / n for part in sums)
    scale = (pp - p.square()) * (qq - q.square())
    covariance = pq - p * q
    return torch.where(scale > 0, covariance * covariance.abs() / scale.clamp(min=1e-300), 0.0)


def whitening(fit: Tensor, floor: float | None = None) -> Tensor:
    """(columns, directions): makes rows of unit variance and no correlation out of centred ones.

    fit: (examples, spots, columns). floor: variance of the directions that are left out; None: STILL of the largest.
    """
    rows = fit.flatten(0, 1)
    value, vector = torch.linalg.eigh(rows.T @ rows / max(1, len(rows)))
    least = STILL * value.amax() if floor is None and len(value) else (floor or 0.0)
    kept = value > max(float(least), 1e-300)
    white: Tensor = vector[:, kept] / value[kept].sqrt()
    return white


def canonical(a: Halves, b: Halves, floor: float | None = None) -> Pairs:
    """The canonical pairs of two nets' rows; as many as the smaller net has directions that vary.

    An example far off, which both nets answer wildly, would be the whole correlation: its rows are drawn in, and on the
    checking examples a pair reads no more than it ever did on the fitting ones. floor: see `whitening`.
    """
    a, b = _drawn_in(centred(a), centred(b))
    white = whitening(a.fit, floor)
    a, b = a.times(white), b.times(whitening(b.fit, floor))
    cross = a.fit.flatten(0, 1).T @ b.fit.flatten(0, 1) / max(1, a.fit.shape[0] * a.fit.shape[1])
    left, value, right = torch.linalg.svd(cross, full_matrices=False)
    a, b = (_clamped(x.times(turn)) for x, turn in ((a, left), (b, right.T)))
    return Pairs(a.check, b.check, value.clamp(0, 1).square(), white @ left)


def _drawn_in(a: Halves, b: Halves) -> tuple[Halves, Halves]:
    """Both nets' rows of an example multiplied by the same factor, where they lie far out in one of them."""
    lengths = [Halves(*(part.square().sum(2).mean(1) for part in (net.fit, net.check))) for net in (a, b)]
    near = within(lengths)
    return centred(a.scaled(near)), centred(b.scaled(near))


def _clamped(halves: Halves) -> Halves:
    low, high = halves.fit.amin((0, 1)), halves.fit.amax((0, 1))
    return Halves(halves.fit, halves.check.clamp(low, high))
