"""Did other training runs find the unit too?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..tally import Panel
from .chance import discoveries
from .column import Column
from .column import interval as interval_columns
from .correlation import standardised
from .dealt import Dealt
from .interval import bounds, example_weights, recentred
from .measure import Evidence, Measure, Outcome
from .null_replicas import p_value, rotated, shuffled, threshold_at
from .reliability import FEWEST, reliable_replicates
from .similar_pairs import too_wide

CANDIDATES = 3  # partners of each unit that are followed through the resamples


def compute(evidence: Evidence) -> Outcome:
    """Best absolute correlation with a unit of every replica, beyond a rotated replica and a shuffled example order."""
    half = evidence.panel.half(1)
    if not evidence.replicas or "cluster" not in evidence.units or len(half) < FEWEST:
        return Outcome()
    if too_wide(evidence.width, evidence.settings.memory):
        return Outcome(notes=(f"replicated left out: {evidence.width:,} units (memory={evidence.settings.memory:g})",))
    dealt = Dealt.of(half.group)
    weights = example_weights(dealt, evidence.settings.resamples, evidence.seed + 2)
    weights = weights.repeat_interleave(half.spots.shape[1], 1)
    runs = [
        _compare(half, replica.half(1), weights, evidence.seed + number)
        for number, replica in enumerate(evidence.replicas)
    ]
    reliable, cluster = evidence.units["reliable"], evidence.units["cluster"]
    p = torch.stack([run.p for run in runs]).amax(0)
    beyond = discoveries(torch.where(reliable, p, torch.nan), evidence.settings.q)
    least = float(p[beyond].amax()) if bool(beyond.any()) else evidence.settings.q / evidence.width
    bars = [run.bar(least) for run in runs]
    replicates = torch.stack([run.replicates > bar for run, bar in zip(runs, bars, strict=True)]).all(0)
    count, counts = (
        int(_concepts(beyond[None], cluster)),
        _concepts(replicates & reliable_replicates(evidence), cluster),
    )
    units = {
        "replication": torch.stack([run.best for run in runs]).amin(0),
        "replication_null": torch.stack(bars).amax(0),
        "replication_paired": torch.stack([run.paired for run in runs]).amin(0),
        "replicated": beyond,
    }
    counts = dealt.widened(counts, count, evidence.width)
    layer = {"replicated": count} | bounds("replicated", count, counts, dealt, evidence.width)
    return Outcome(layer=layer, units=units, arrays={"replicated_resamples": counts})


@dataclass(frozen=True)
class Compared:
    """The units beside those of one replica."""

    best: Tensor  # (units,) best abs(correlation)
    paired: Tensor  # (units,) abs(correlation) with the partner in the best one-to-one matching
    replicates: Tensor  # (resamples, units) best abs(correlation) on resampled examples, recentred
    nulls: tuple[Tensor, ...]  # each (weights, units): best abs(correlation) with a rotated, with a shuffled replica
    p: Tensor  # (units,) of the harder null

    def bar(self, p: float) -> Tensor:
        """(units,) abs(correlation) that a unit must exceed to be as rare as `p` under the harder null."""
        return torch.stack([threshold_at(null, p) for null in self.nulls]).amax(0)


def _compare(half: Panel, other: Panel, weights: Tensor, seed: int) -> Compared:
    a, b = _rows(half), _rows(other)
    c = match(a, b)
    best, nulls = c.amax(1), (rotated(half, other, seed), shuffled(half, other, seed))
    p = torch.stack([p_value(best, null) for null in nulls]).amax(0)
    return Compared(best, one_to_one(c), recentred(best_replicates(a, b, c, weights), best), nulls, p)


def _concepts(significant: Tensor, cluster: Tensor) -> Tensor:
    """How many clusters hold a significant unit: (resamples, units) -> (resamples,) int64."""
    inside = cluster >= 0
    hit = torch.zeros(len(significant), int(cluster.max()) + 1 if bool(inside.any()) else 0, dtype=torch.int64)
    return hit.index_add(1, cluster[inside], significant[:, inside].long()).clamp(max=1).sum(1)


def best_replicates(a: Tensor, b: Tensor, c: Tensor, weights: Tensor) -> Tensor:
    """Each unit's best abs(correlation) with a unit of `b` in every resample of the rows: (resamples, units).

    Only its CANDIDATES best partners of the whole sample are followed. c: (units of a, units of b), abs(correlation).
    """
    a, b = standardised(a) * len(a) ** 0.5, standardised(b) * len(b) ** 0.5
    n = weights.sum(1, keepdim=True)
    mean, var = _moments(a, weights, n)
    best = torch.zeros(len(weights), a.shape[1])
    for partner in c.topk(min(CANDIDATES, c.shape[1]), dim=1).indices.T:
        other, variance = _moments(b[:, partner], weights, n)
        cov = weights @ (a * b[:, partner]) / n - mean * other
        scale = (var * variance).clamp(min=0).sqrt()
        best = torch.maximum(best, torch.where(scale > 0, cov.abs() / scale.clamp(min=1e-30), 0.0))
    return best


def _moments(x: Tensor, weights: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    mean = weights @ x / n
    return mean, weights @ x.square() / n - mean.square()


def _rows(panel: Panel) -> Tensor:
    return panel.spots.flatten(0, 1)


def match(a: Tensor, b: Tensor) -> Tensor:
    """abs(correlation) of every unit of `a` with every unit of `b` over the same rows: (units of a, units of b)."""
    return (standardised(a).T @ standardised(b)).abs()


def one_to_one(c: Tensor) -> Tensor:
    """abs(correlation) of each unit of the first net with its own partner in the best matching; 0 without partner.

    c: (units of the first net, units of the second), abs(correlation).
    """
    i, j = linear_sum_assignment(c.numpy(), maximize=True)
    out = torch.zeros(len(c))
    out[i] = c[i, j]
    return out


replicated = Measure(
    "replicated",
    compute,
    layer_columns={
        "replicated": Column(
            "distinct concepts holding a unit that every replica has too: its best abs(correlation) there is beyond "
            "what rotated and shuffled replicas give (Benjamini-Hochberg)",
            "concepts", 0, source="Li et al. 2016; docs/numbers.md", kind="count", order=160,
            resamples="replicated", trend=("replicated", "raw"),
        ),
        **interval_columns("replicated", "concepts", 330),
    },
    unit_columns={
        "replication": Column(
            "best abs(correlation) with a unit of a replica, least over replicas", "", 0, 1, kind="fraction", order=100
        ),
        "replication_null": Column(
            "what replication must exceed to be beyond rotated and shuffled replicas", "", 0, 1, kind="fraction",
            order=170, shown=False, with_units="drawn",
        ),
        "replication_paired": Column(
            "abs(correlation) with its partner in a one-to-one matching", "", 0, 1, kind="fraction", order=180,
            shown=False,
        ),
        "replicated": Column(
            "found in every replica beyond chance", "", 0, 1, kind="truth", order=190, shown=False, with_units="drawn"
        ),
    },
)  # fmt: skip
