"""What was read of the examples that fit something, and of those that check it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FAR = 9.0  # times the mean squared length of a row: examples beyond are drawn in to it
ROUNDS = 100  # at most, in which the mean and what is beyond it settle


@dataclass(frozen=True)
class Halves:
    """What was read of the examples that fit, and of those that check."""

    fit: Tensor  # (examples, spots, columns) float64
    check: Tensor  # (examples, spots, columns) float64

    def first(self, columns: int) -> Halves:
        """The same with the first columns alone."""
        return Halves(self.fit[..., :columns], self.check[..., :columns])

    def times(self, matrix: Tensor) -> Halves:
        """The same with every row multiplied by a matrix (columns, new columns)."""
        return Halves(self.fit @ matrix, self.check @ matrix)

    def scaled(self, by: Halves) -> Halves:
        """The same with all rows of an example multiplied by a number; by: (examples,) each."""
        fit, check = (factor.to(self.fit.dtype)[:, None, None] for factor in (by.fit, by.check))
        return Halves(self.fit * fit, self.check * check)

    def double(self) -> Halves:
        """The same in double precision."""
        return Halves(self.fit.double(), self.check.double())

    def of(self, fit: Tensor, check: Tensor) -> Halves:
        """The same with the examples in another order."""
        return Halves(self.fit[fit], self.check[check])


def centred(halves: Halves) -> Halves:
    """Both halves less the mean row of the half that fits."""
    mean = halves.fit.mean((0, 1))
    return Halves(halves.fit - mean, halves.check - mean)


def within(lengths: Sequence[Halves]) -> Halves:
    """(examples,) each: what rows are multiplied with, so that in no net an example lies far out.

    lengths: of each net, the mean squared length of the example's rows (examples,).
    """
    near = [Halves(*(_near(part, net.fit) for part in (net.fit, net.check))) for net in lengths]
    fit, check = (torch.stack([getattr(net, half) for net in near]).amin(0) for half in ("fit", "check"))
    return Halves(fit, check)


def _near(length: Tensor, fit: Tensor) -> Tensor:
    mean = fit.mean()
    for _ in range(ROUNDS):
        before, mean = mean, fit.minimum(FAR * mean).mean()
        if float(mean) >= 0.999 * float(before):
            break
    drawn = (FAR * mean / length.clamp(min=1e-300)).sqrt()
    return torch.where(length > FAR * mean, drawn, 1.0)  # of a net that does not vary, no example is far
