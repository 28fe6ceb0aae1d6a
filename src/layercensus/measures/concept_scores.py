"""How well a unit, and a direction, tells each concept on examples that chose neither, and what chance would give."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.stats import norm
from torch import Tensor

from .auc import aucs, centred_ranks, influence
from .concept_rows import Half, Problem
from .permuted_concepts import Chance, best_by_chance, chance_of
from .readable import fitted

RARE = 1e-3  # of permuted concepts that a direction must exceed; no best of many is taken, as there is of units


@dataclass(frozen=True)
class Score:
    """One score for each concept, judged on held-out rows."""

    auc: Tensor  # (concepts,)
    chance: Chance
    floor: Tensor  # (concepts,) what it must exceed
    moves: Tensor  # (rows, concepts) influence of each held-out row on the AUC

    @property
    def p(self) -> Tensor:
        """(concepts,) float64: how often permuted concepts give as much, by the normal law."""
        return torch.from_numpy(norm.sf(((self.auc - self.chance.mean) / self._deviation).double().numpy()))

    def at(self, p: float) -> Tensor:
        """(concepts,) the AUC that chance exceeds as rarely as `p`."""
        return self.chance.mean + float(norm.isf(p)) * self._deviation

    def resampled(self, weights: Tensor, wider: float = 1.0) -> Tensor:
        """(resamples, concepts) AUCs on resampled rows, `wider` times as far off; weights: (resamples, rows)."""
        return self.auc + wider * (weights @ self.moves)

    @property
    def _deviation(self) -> Tensor:
        return self.chance.deviation.clamp(min=1e-9)


@dataclass(frozen=True)
class Units:
    """The unit that tells each concept best on the fitting half, judged on the other; and what all units do there."""

    unit: Tensor  # (concepts,) int64
    score: Score
    best: Tensor  # (concepts,) AUC of the best unit of all on the held-out half, in either direction
    chosen: Tensor  # (concepts, units) AUC on the fitting half, .5 or more
    held_out: Tensor  # (concepts, units) AUC on the other half, in the direction that the fitting half has


def by_unit(problem: Problem, seed: int) -> Units:
    """Unit and direction are chosen on the fitting half, and beat the best of all units under permuted concepts."""
    fit, check = problem.fit, problem.check
    chosen, ranks = aucs(centred_ranks(fit.x), fit.has), centred_ranks(check.x)
    own = aucs(ranks, check.has)
    held_out = torch.where(chosen >= 0.5, own, 1 - own)
    unit = (chosen - 0.5).abs().argmax(1)
    sign = torch.where(chosen.gather(1, unit[:, None])[:, 0] >= 0.5, 1.0, -1.0)
    floor = best_by_chance(ranks, check.has, check.group, seed)
    score = Score(
        held_out.gather(1, unit[:, None])[:, 0], chance_of(ranks[:, unit] * sign, check.has, check.group, seed + 1),
        floor, influence(ranks[:, unit] * sign, check.has),
    )  # fmt: skip
    return Units(unit, score, 0.5 + (own - 0.5).abs().amax(1), 0.5 + (chosen - 0.5).abs(), held_out)


@dataclass(frozen=True)
class Direction:
    """The direction that tells each concept, fitted on one half and judged on the other."""

    score: Score
    values: Tensor  # (held-out rows, concepts) along it


def by_direction(fit: Half, check: Half, seed: int, *, inputs: bool = False) -> Direction:
    """By ridge regression of the units; of what the net is given, where `inputs`."""
    given, judged = (fit.inputs, check.inputs) if inputs else (fit.x, check.x)
    values = fitted(given, fit.has, fit.group).scores(judged)
    ranks = centred_ranks(values)
    chance = chance_of(ranks, check.has, check.group, seed)
    auc = 0.5 + (check.has * ranks).sum(0) / (check.has.sum(0) * (1 - check.has).sum(0)).clamp(min=1)
    floor = chance.mean + float(norm.isf(RARE)) * chance.deviation
    return Direction(Score(auc, chance, floor, influence(values, check.has)), values)


def within_needed(values: Tensor, needed: Tensor) -> Tensor:
    """(concepts,): fraction of each score's variance that goes with the needed directions' scores, 0 to 1.

    values: (rows, concepts); needed: (rows, directions). nan where the rows are too few for so many directions.
    """
    rows, directions = needed.shape
    if rows < 2 * directions + 2:
        return torch.full((values.shape[1],), torch.nan)
    y = values.double() - values.double().mean(0)
    if directions == 0:
        return torch.zeros(values.shape[1])
    basis: Tensor = torch.linalg.qr(needed.double() - needed.double().mean(0)).Q
    total = y.square().sum(0).clamp(min=1e-300)
    left = 1 - (basis.T @ y).square().sum(0) / total
    adjusted: Tensor = 1 - left * (rows - 1) / (rows - directions - 1)
    return adjusted.clamp(0, 1).float()
