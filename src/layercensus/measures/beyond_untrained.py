"""What a net's scores say beyond the units of untrained nets: residuals of a ridge regression that no example fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from .common_rows import CommonRows, not_rare
from .halves import Halves, centred

MOST = 2048  # regressors; more units are read along as many of the fitting rows
NO_PREDICTION = 1e150  # a residual whose square no sum holds: its penalty is never the best
PENALTIES = tuple(10.0**power for power in range(-6, 3))  # of the variance of a unit


@dataclass(frozen=True)
class Residual:
    """What a regression leaves of some scores."""

    halves: Halves  # on the examples that fit: each one's residual from a regression without it
    r2: float  # variance that the regression explains on the checking examples; below 0: worse than the mean


def regressors(nets: Sequence[Tensor], rows: CommonRows) -> Halves:
    """The units of all nets, standardised on the fitting examples, as at most MOST columns: (examples, spots, columns).

    nets: each (panel's examples, spots, units). On the checking examples a unit is held within what it did on the
    fitting ones. More than MOST units are read along the rows of so many fitting positions, evenly spread: with no more
    fitting rows than that, nothing is lost to a ridge regression, whose coefficients lie in the span of the rows.
    """
    parts = (_standardised(rows.of(net)) for net in nets)
    if sum(net.shape[2] for net in nets) <= MOST:
        kept = list(parts)
        return Halves(*(torch.cat([getattr(part, half) for part in kept], 2).double() for half in ("fit", "check")))
    some = _spread_out(len(rows.fit) * nets[0].shape[1])
    landmarks = [part.fit.flatten(0, 1)[some] for part in parts]
    turns = torch.linalg.qr(torch.cat(landmarks, 1).T).Q.split([part.shape[1] for part in landmarks])
    again = (_standardised(rows.of(net)).times(turn) for net, turn in zip(nets, turns, strict=True))
    return reduce(lambda one, two: Halves(one.fit + two.fit, one.check + two.check), again).double()


def _spread_out(rows: int) -> Tensor:
    """(rows at most MOST,) int64: places of as many rows, evenly spread."""
    kept = min(rows, MOST)
    return torch.arange(kept) * rows // kept


def _standardised(net: Halves) -> Halves:
    """The units that are not rare, in standard deviations."""
    spread = net.fit.square().mean((0, 1), dtype=torch.float64).sqrt()
    kept = not_rare(spread)
    fit, check = (half[..., kept] / spread[kept].to(half.dtype) for half in (net.fit, net.check))
    return Halves(fit, check.clamp(fit.amin((0, 1)), fit.amax((0, 1))))


@dataclass(frozen=True)
class Regression:
    """Ridge regression on the same units, for scores of any number of nets."""

    units: Halves  # along their principal directions
    variance: Tensor  # (columns,) float64, of each
    without: Tensor  # (PENALTIES, examples, spots, spots) float64: from residuals to those without the example

    @classmethod
    def on(cls, units: Halves) -> Regression:
        """Cost: an eigendecomposition of (columns, columns)."""
        rows = units.fit.flatten(0, 1)
        value, vector = torch.linalg.eigh(rows.T @ rows / len(rows))
        turned, value = units.times(vector), value.clamp(min=0)
        hats = (torch.einsum("esp,etp->est", turned.fit / (value + p), turned.fit) / len(rows) for p in PENALTIES)
        one = torch.eye(units.fit.shape[1], dtype=torch.float64)
        return cls(turned, value, torch.stack([_inverse(one - hat - 1 / len(rows)) for hat in hats]))

    def best(self, scores: Halves) -> Residual:
        """What is left where each direction has the penalty that predicts best the examples that it did not see.

        The directions are those that one penalty for all predicts best, next best, and so on: of scores that untrained
        nets give in part, one penalty for all would leave something of what they give wholly.
        """
        scores = centred(scores)
        along = self._along(scores.fit)
        tried = (self._left(scores.fit, along, number) for number in range(len(PENALTIES)))
        errors = min(tried, key=lambda left: float(left.square().sum())).flatten(0, 1)
        turn = torch.linalg.eigh(errors.T @ errors).eigenvectors
        left = self.each(scores.times(turn)).times(turn.T)
        return Residual(left, _explained(scores.check, left.check))

    def each(self, scores: Halves) -> Halves:
        """What is left of every column with its own best penalty; all of it where none predicts."""
        scores = centred(scores)
        along, left, least = self._along(scores.fit), scores.fit, scores.fit.square().sum((0, 1))
        chosen = torch.full_like(least, torch.inf)
        for number, penalty in enumerate(PENALTIES):
            tried = self._left(scores.fit, along, number)
            error = tried.square().sum((0, 1))
            better = error < least
            left, chosen, least = tried.where(better, left), chosen.masked_fill(better, penalty), error.minimum(least)
        return Halves(left, scores.check - self.units.check @ (along / (self.variance[:, None] + chosen)))

    def _left(self, scores: Tensor, along: Tensor, number: int) -> Tensor:
        """(examples, spots, columns): the residuals of the fitting examples, each from a regression without it.

        All positions of the example are left out at once. As many regressors as rows would leave nothing of examples
        that they were fitted on. number: of the penalty.
        """
        weights = along / (self.variance + PENALTIES[number])[:, None]
        left = self.without[number] @ (scores - self.units.fit @ weights)
        return left.nan_to_num(nan=NO_PREDICTION, posinf=NO_PREDICTION, neginf=-NO_PREDICTION)

    def _along(self, scores: Tensor) -> Tensor:
        """(regressors, columns): covariance of the regressors with the scores."""
        rows = scores.flatten(0, 1)
        return self.units.fit.flatten(0, 1).T @ rows / len(rows)


def _inverse(matrices: Tensor) -> Tensor:
    """Their inverses; infinite where an example fits itself alone, so that nothing predicts it without it."""
    found = torch.linalg.inv_ex(matrices)
    good = (found.info == 0) & found.inverse.isfinite().flatten(1).all(1)
    inverse: Tensor = found.inverse.masked_fill(~good[:, None, None], torch.inf)
    return inverse


def _explained(scores: Tensor, residual: Tensor) -> float:
    around = (scores - scores.mean((0, 1))).square().sum()
    return float(1 - residual.square().sum() / around) if float(around) > 0 else 0.0
