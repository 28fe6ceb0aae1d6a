"""Directions that several nets of one layer have in common: counts, their curves, and what chance gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from ..tally import Needs
from .beyond_untrained import Regression, Residual
from .common_rows import CommonRows
from .dealt import Dealt, drawn
from .needed import FIDELITIES, FIDELITY, directions_for
from .shared_directions import (
    CUT,
    CUTS,
    Compared,
    Run,
    compare_all,
    compare_held,
    held,
    permuted,
    regression_on,
    runs_of,
)

HEADLINE = FIDELITIES.index(FIDELITY)
NORMAL = 1.96


@dataclass(frozen=True)
class Nets:
    """The same layer in several nets that are compared, and in untrained ones."""

    spots: tuple[Tensor, ...]  # each (panel's examples, spots, units)
    needs: tuple[Needs, ...]
    untrained: tuple[Tensor, ...]  # each (panel's examples, spots, units)
    group: Tensor  # (panel's examples,) int64, equal where they share a source

    def directions(self, fidelity: float) -> list[int] | None:
        """How many each net needs; None where one does not reach the fidelity."""
        found = [directions_for(needs, fidelity) for needs in self.needs]
        return None if any(n != n for n in found) else [int(n) for n in found]


@dataclass(frozen=True)
class Found:
    """What several nets have in common."""

    runs: list[Run]
    directions: list[int]  # that each run needs, at the headline's fidelity
    pairs: list[Compared]  # every run with every other
    curves: Tensor  # (shared or learned, FIDELITIES, CUTS) float64, means over pairs; nan: fidelity not reached
    held: float  # mean over pairs, all directions beyond the untrained nets; nan without these
    groups: tuple[Tensor, Tensor]  # (examples,) int64 each, of those that fit and of those that check

    @property
    def shared(self) -> Tensor:
        """(pairs,) float64."""
        return torch.tensor([pair.counts()[0] for pair in self.pairs], dtype=torch.float64)

    @property
    def learned(self) -> Tensor:
        """(pairs,) float64: at most the shared ones."""
        return torch.tensor([pair.counts()[1] for pair in self.pairs], dtype=torch.float64)

    def resampled(self, resamples: int, seed: int) -> Tensor:
        """(resamples,) float64: mean over pairs of the learned directions, on resampled checking examples."""
        dealt = Dealt.of(self.groups[1])
        if dealt.grouped:
            weights = dealt.weights(resamples, seed)[:, dealt.block()]
        else:
            weights = drawn(dealt.examples, resamples, seed)
        counts = torch.stack([pair.resampled(CUT, weights) for pair in self.pairs]).mean(0)
        return dealt.widened(counts, float(self.learned.mean()), min(self.directions, default=0))

    def interval(self, resampled: Tensor) -> tuple[float, float]:
        """95 % interval of the mean over pairs of runs: over examples, and no narrower than the range over pairs."""
        mean, doubt = float(resampled.mean()), NORMAL * float(resampled.std())
        low, high = min(mean - doubt, float(self.learned.min())), max(mean + doubt, float(self.learned.max()))
        return max(0.0, low), high

    def by_chance(self, seed: int) -> float:
        """Mean over pairs of what is beyond the untrained nets where the second run saw other examples."""
        each = [
            permuted(self.runs[i], self.runs[j], (self.directions[i], self.directions[j]), self.groups, seed).count(CUT)
            for i, j in combinations(range(len(self.runs)), 2)
        ]
        return sum(each) / len(each)


def find(nets: Nets, rows: CommonRows) -> Found:
    """Everything that pairs of nets have in common; every net must reach the headline's fidelity."""
    directions = [nets.directions(fidelity) for fidelity in FIDELITIES]
    most = [max(column) for column in zip(*filter(None, directions), strict=True)]
    scores = [n.scores(s, k) for s, n, k in zip(nets.spots, nets.needs, most, strict=True)]
    regression = regression_on(nets.untrained, rows)
    runs = runs_of([rows.of(each) for each in scores], regression)
    compared = [None if of is None else compare_all(runs, of) for of in directions]
    needed, pairs = directions[HEADLINE], compared[HEADLINE]
    assert needed is not None
    assert pairs is not None
    curves = torch.stack([_curve(pairs) for pairs in compared], 1)
    groups = nets.group[rows.fit], nets.group[rows.check]
    return Found(runs, needed, pairs, curves, _held(nets.spots, rows, regression), groups)


def learned_beyond(nets: Nets, rows: CommonRows) -> float:
    """Mean over pairs of nets: the learned directions alone; every net must reach the headline's fidelity."""
    directions = nets.directions(FIDELITY)
    assert directions is not None
    scores = (n.scores(s, max(directions)) for s, n in zip(nets.spots, nets.needs, strict=True))
    runs = runs_of([rows.of(each) for each in scores], regression_on(nets.untrained, rows))
    counts = [pair.counts()[1] for pair in compare_all(runs, directions)]
    return sum(counts) / len(counts)


def _held(spots: Sequence[Tensor], rows: CommonRows, regression: Regression | None) -> float:
    """The same count over all directions of the layer."""
    if regression is None:
        return float("nan")
    scores = [held(each, rows) for each in spots]
    left = [Run(x, Residual(regression.each(x), float("nan"))) for x in scores]
    counts = [compare_held(a, b).counts()[1] for a, b in combinations(left, 2)]
    return sum(counts) / len(counts)


def _curve(pairs: Sequence[Compared] | None) -> Tensor:
    """(shared or learned, CUTS) float64, means over pairs."""
    if pairs is None:
        return torch.full((2, len(CUTS)), torch.nan, dtype=torch.float64)
    return torch.tensor([[pair.counts(cut) for cut in CUTS] for pair in pairs], dtype=torch.float64).mean(0).T
