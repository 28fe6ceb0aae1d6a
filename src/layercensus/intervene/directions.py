"""Directions of a layer's activations, those first along which the net's answers move most."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .moments import Moments

NOTHING = 1e-10  # of the largest variance: what is below is rounding
FILL = 1e-9  # weight of plain variance, which orders the directions that gradients do not tell apart


@dataclass(frozen=True)
class Directions:
    """An oblique projection on the first k: rows become mean + (rows - mean) @ reader[:, :k] @ writer[:, :k].T."""

    mean: Tensor  # (units,)
    reader: Tensor  # (units, rank)
    writer: Tensor  # (units, rank)
    spectrum: Tensor  # (rank,) what the answers move along each, to first order; the largest first
    by_gradient: bool  # False: no gradient came back, and these are principal directions
    examples: int
    rows: int

    @property
    def rank(self) -> int:
        """How many directions the calibration examples span."""
        return len(self.spectrum)


def directions(moments: Moments) -> Directions:
    """Eigenvectors of C^1/2 G C^1/2, with C the covariance and G the second moment of the answers' gradients.

    Where there is no gradient, principal directions. Cost: eigenproblems of the number of units, or of WIDE rows.
    """
    mean = moments.first / max(1, moments.examples)
    half, inverse = _wide_factors(moments, mean) if moments.kept else _factors(moments, mean)
    answers = _moved(moments, half)
    trace = float(answers.diagonal().sum())
    variance = half.T @ half
    by_gradient = trace > 0
    if by_gradient:
        answers = answers / trace + FILL * variance / variance.diagonal().sum().clamp(min=1e-300)
    else:
        answers = variance
    values, vectors = torch.linalg.eigh(answers)
    order = vectors.flip(1)
    return Directions(
        mean,
        inverse @ order,
        half @ order,
        values.flip(0).clamp(min=0),
        by_gradient,
        moments.examples,
        int(moments.rows),
    )


def _factors(moments: Moments, mean: Tensor) -> tuple[Tensor, Tensor]:
    """(units, rank) H and K with H H^T the covariance and H^T K = 1."""
    covariance = moments.second / max(1, moments.examples) - torch.outer(mean, mean)
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > max(float(values.max()) * NOTHING, 0.0) if len(values) else values > 0
    root = values[kept].sqrt()
    return vectors[:, kept] * root, vectors[:, kept] / root


def _wide_factors(moments: Moments, mean: Tensor) -> tuple[Tensor, Tensor]:
    """The same from rows, of which there are fewer than units."""
    rows = torch.cat(moments.kept)  # changed in place: of a wide layer each copy is as large as its panel
    rows.addr_(torch.cat(moments.roots), mean, alpha=-1)
    rows /= max(1, moments.examples) ** 0.5
    values, vectors = torch.linalg.eigh(rows @ rows.T)
    kept = values > float(values.max()) * NOTHING
    half = rows.T @ vectors[:, kept]
    return half, half / values[kept]


def _moved(moments: Moments, half: Tensor) -> Tensor:
    """H^T G H, (rank, rank)."""
    if moments.kept_gradient:
        moved = torch.cat([part @ half for part in moments.kept_gradient])
        return moved.T @ moved
    if not moments.gradient.numel():
        return half.new_zeros(half.shape[1], half.shape[1])
    return half.T @ moments.gradient @ half
