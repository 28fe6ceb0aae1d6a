"""Which of the directions that training runs need are the same, and which of these no untrained net gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from ..tally.groups import moved
from .beyond_untrained import Regression, Residual, regressors
from .canonical import STILL, Pairs, canonical, whitening
from .common_rows import CommonRows, not_rare
from .halves import Halves, centred

CUT = 0.5  # r^2 on the checking examples from which on a pair of directions is one
CUTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
HELD = 512  # directions of a layer that are compared at most, the widest first
LEFT = 0.02  # of a score's variance: what the untrained nets leave of a direction must be more


@dataclass(frozen=True)
class Compared:
    """Two runs' directions beside each other."""

    shared: Pairs
    beyond: Pairs | None  # the same with untrained nets' units regressed out; None where there are none
    weights: Tensor | None = None  # (directions, pairs beyond): on the first run's scores, what says the same

    def counts(self, cut: float = CUT) -> tuple[int, int]:
        """How many pairs have r^2 >= cut: shared, and beyond the untrained nets, which are among these."""
        shared = self.shared.count(cut)
        return shared, 0 if self.beyond is None else min(shared, self.beyond.count(cut))

    def resampled(self, cut: float, weights: Tensor) -> Tensor:
        """(resamples,) float64: how many are beyond the untrained nets; see `Pairs.counts`."""
        shared = self.shared.counts(cut, weights)
        return torch.zeros_like(shared) if self.beyond is None else shared.minimum(self.beyond.counts(cut, weights))


@dataclass(frozen=True)
class Run:
    """The scores of one run, and what untrained nets leave of them."""

    scores: Halves
    left: Residual | None = None

    def white(self, directions: int) -> Tensor:
        """(directions, axes): makes the scores along the first directions white."""
        return whitening(centred(self.scores.first(directions)).fit)

    def first(self, directions: int) -> tuple[Halves, Halves | None]:
        """Scores along the first directions, made white, and their residuals on the same axes."""
        scores = centred(self.scores.first(directions))
        white = self.white(directions)
        left = None if self.left is None else self.left.halves.first(directions).times(white)
        return scores.times(white), left


def runs_of(scores: Sequence[Halves], untrained: Regression | None) -> list[Run]:
    """Each run's scores with what is left of them beyond the units of untrained nets, where there are any."""
    return [Run(each, None if untrained is None else untrained.best(each)) for each in scores]


def compare(a: Run, b: Run, directions: tuple[int, int]) -> Compared:
    """The canonical pairs of the first directions of two runs: those of each that its answers rest on."""
    (one, left_one), (two, left_two) = a.first(directions[0]), b.first(directions[1])
    beyond = None if left_one is None or left_two is None else canonical(left_one, left_two, LEFT)
    weights = None if beyond is None else a.white(directions[0]) @ beyond.weights
    return Compared(canonical(one, two, STILL), beyond, weights)


def compare_all(runs: Sequence[Run], directions: Sequence[int]) -> list[Compared]:
    """Every run with every other. directions: of each run, how many its answers rest on."""
    return [compare(runs[i], runs[j], (directions[i], directions[j])) for i, j in combinations(range(len(runs)), 2)]


def permuted(a: Run, b: Run, directions: tuple[int, int], groups: tuple[Tensor, Tensor], seed: int) -> Pairs:
    """The canonical pairs beyond the untrained nets, had the second run seen other examples: chance alone.

    groups: (examples,) int64 of each half; those of one stay together.
    """
    (one, left_one), (two, left_two) = a.first(directions[0]), b.first(directions[1])
    one, two = (left_one, left_two) if left_one is not None and left_two is not None else (one, two)
    rng = torch.Generator().manual_seed(seed)
    fit, check = (moved(group, lambda n: torch.randperm(n, generator=rng)) for group in groups)
    return canonical(one, two.of(fit, check), LEFT)


def held(spots: Tensor, rows: CommonRows) -> Halves:
    """A net's rows along the first HELD principal directions of its standardised units: what the layer holds.

    spots: (panel's examples, spots, units).
    """
    units = rows.of(spots)
    spread = units.fit.square().mean((0, 1), dtype=torch.float64).sqrt()
    kept = not_rare(spread)
    units = Halves(units.fit[..., kept] / spread[kept], units.check[..., kept] / spread[kept])
    fit = units.fit.flatten(0, 1)
    return units.times(torch.linalg.eigh(fit.T @ fit).eigenvectors[:, -HELD:])


def compare_held(a: Run, b: Run) -> Compared:
    """The canonical pairs of all directions of two runs that the untrained nets leave LEFT of a unit's variance of."""
    beyond = None if a.left is None or b.left is None else canonical(a.left.halves, b.left.halves, LEFT)
    return Compared(canonical(a.scores, b.scores), beyond)


def regression_on(nets: Sequence[Tensor], rows: CommonRows) -> Regression | None:
    """What `runs_of` regresses on; None without untrained nets. nets: each (panel's examples, spots, units)."""
    return Regression.on(regressors(nets, rows)) if nets else None
