"""Scores of concepts along directions: ridge regression, or one unit, chosen on one half of the examples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy import linalg
from torch import Tensor

from ..tally.groups import halves
from .auc import aucs, centred_ranks, own_aucs

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # in mean variances of a principal direction
FARTHEST = 8.0  # standard deviations: units that hardly ever fire do not outweigh the rest
LEAST = 1e-7  # of the largest variance: directions below it are rounding


@dataclass(frozen=True)
class Ridge:
    """A regression of concepts on units, solved for every penalty: scores are ((x - mean) * scale) @ basis * ... @ fit.

    Units enter with unit variance, so that neither their scale nor a rotation within equal scales decides.
    """

    mean: Tensor  # (units,)
    scale: Tensor  # (units,), 0 for units that do not move
    basis: Tensor  # (units, rank)
    root: Tensor  # (rank,) square roots of the sums of squares along it
    fit: Tensor  # (rank, concepts)

    def weights(self, penalty: Tensor) -> Tensor:
        """(units, concepts) of standardised units, with a penalty for each concept."""
        square = self.root.square()
        amount = penalty * square.mean()
        return self.basis @ (self.fit * self.root[:, None] / (square[:, None] + amount))

    def scores(self, x: Tensor, penalty: Tensor) -> Tensor:
        """(rows, concepts): x (rows, units), penalty (concepts,)."""
        return _bounded((x - self.mean) * self.scale) @ self.weights(penalty)


def ridge(x: Tensor, has: Tensor) -> Ridge:
    """The regression of `has`, (rows, concepts), on x, (rows, units)."""
    mean, deviation = x.mean(0), x.std(0)
    moves = deviation > 1e-6 * (mean.abs() + 1e-30)
    scale = torch.where(moves, 1 / deviation.clamp(min=1e-30), 0.0)
    z, y = _bounded((x - mean) * scale), has - has.mean(0)
    if len(z) >= z.shape[1]:
        value, basis = _eigen(z.T @ z)
        kept = value > LEAST * value[-1]
        root, basis = value[kept].sqrt(), basis[:, kept]
        return Ridge(mean, scale, basis, root, basis.T @ (z.T @ y) / root[:, None])
    value, left = _eigen(z @ z.T)
    kept = value > LEAST * value[-1]
    root, left = value[kept].sqrt(), left[:, kept]
    return Ridge(mean, scale, z.T @ left / root, root, left.T @ y)


def _eigen(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix; by QR iteration where divide and conquer fails.

    It does where very many are equal, as those of words that hardly ever stand in the examples.
    """
    matrix = gram.double()
    try:
        value, vectors = torch.linalg.eigh(matrix)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        value, vectors = (torch.from_numpy(part) for part in linalg.eigh(matrix.numpy(), driver="ev"))
    return value.float(), vectors.float()


def _bounded(z: Tensor) -> Tensor:
    return z.clamp(-FARTHEST, FARTHEST)


@dataclass(frozen=True)
class Reader:
    """What reads each concept: a ridge regression, or a single unit where that reads it as well."""

    regression: Ridge
    penalty: Tensor  # (concepts,)
    alone: Tensor  # (concepts,) bool
    unit: Tensor  # (concepts,) int64, the best single one
    sign: Tensor  # (concepts,)

    def scores(self, x: Tensor) -> Tensor:
        """(rows, concepts); x: (rows, units)."""
        return torch.where(self.alone, x[:, self.unit] * self.sign, self.regression.scores(x, self.penalty))


def fitted(x: Tensor, has: Tensor, group: Tensor) -> Reader:
    """The regression on all these rows, with the penalty for each concept that reads best from half to half.

    Among very many units one that reads a concept by itself is lost in a regression: where it reads as well from half
    to half, it is the direction. Sources stay together. x: (rows, units); has: (rows, concepts); group: (rows,).
    """
    half = halves(group) == 0
    inner = ridge(x[half], has[half])
    found = torch.stack([_reads(inner, x[~half], has[~half], penalty) for penalty in PENALTIES])
    unit, sign = best_unit(x[half], has[half])
    single = _rounded(own_aucs(centred_ranks(x[~half][:, unit] * sign), has[~half]))
    alone = single >= found.amax(0)
    best = found.flip(0).argmax(0)  # of equals the largest
    return Reader(ridge(x, has), torch.tensor(PENALTIES).flip(0)[best], alone, *best_unit(x, has))


def best_unit(x: Tensor, has: Tensor) -> tuple[Tensor, Tensor]:
    """(concepts,) each: the unit whose AUC is farthest from .5, and 1, or -1 where it is lower at the concept."""
    found = aucs(centred_ranks(x), has) - 0.5
    unit = found.abs().argmax(1)
    return unit, torch.where(found.gather(1, unit[:, None])[:, 0] >= 0, 1.0, -1.0)


def _reads(inner: Ridge, x: Tensor, has: Tensor, penalty: float) -> Tensor:
    """(concepts,) AUC."""
    scores = inner.scores(x, torch.full((has.shape[1],), penalty))
    return _rounded(own_aucs(centred_ranks(scores), has))


def _rounded(auc: Tensor) -> Tensor:
    """To four decimals, so that rounding chooses nothing."""
    return auc.mul(1e4).round()
