"""Did other training runs find the unit too?"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..tally import Panel
from .correlation import standardised
from .interval import bounds, draw, recentred
from .measure import Column, Evidence, Measure, Outcome
from .reliability import FEWEST, reliable_again

ROTATIONS = 20
QUANTILE = 0.95
CANDIDATES = 3  # partners of each unit that are followed through the resamples


def compute(evidence: Evidence) -> Outcome:
    """Best absolute correlation with a unit of every replica, beyond a rotated replica and a shuffled example order."""
    half = evidence.panel.half(1)
    if not evidence.replicas or "cluster" not in evidence.units or len(half) < FEWEST:
        return Outcome()
    best, chance, paired, again = [], [], [], []
    draws = draw(len(half), evidence.settings.resamples, evidence.seed + 2).repeat_interleave(half.spots.shape[1], 1)
    for number, replica in enumerate(evidence.replicas):
        other = replica.half(1)
        c = match(_rows(half), _rows(other))
        best.append(c.amax(1))
        chance.append(null(half, other, evidence.seed + number))
        paired.append(one_to_one(c))
        again.append(recentred(best_again(_rows(half), _rows(other), c, draws), best[-1]) > chance[-1])
    found = (torch.stack(best) > torch.stack(chance)).all(0) & evidence.units["reliable"]
    found_again = torch.stack(again).all(0) & reliable_again(evidence)
    cluster = evidence.units["cluster"]
    count = int(_concepts(found[None], cluster))
    counts = _concepts(found_again, cluster)
    units = {
        "replication": torch.stack(best).amin(0),
        "replication_null": torch.stack(chance).amax(0),
        "replication_paired": torch.stack(paired).amin(0),
        "replicated": found,
    }
    layer = {"replicated": count} | bounds("replicated", count, counts)
    return Outcome(layer=layer, units=units, arrays={"replicated_resamples": counts})


def _concepts(found: Tensor, cluster: Tensor) -> Tensor:
    """How many clusters hold a found unit: found (resamples, units) -> (resamples,) int64."""
    inside = cluster >= 0
    hit = torch.zeros(len(found), int(cluster.max()) + 1 if bool(inside.any()) else 0, dtype=torch.int64)
    return hit.index_add(1, cluster[inside], found[:, inside].long()).clamp(max=1).sum(1)


def best_again(a: Tensor, b: Tensor, c: Tensor, draws: Tensor) -> Tensor:
    """Each unit's best abs(correlation) with a unit of `b` in every resample of the rows: (resamples, units).

    Only its CANDIDATES best partners of the whole sample are followed. c: (units of a, units of b), abs(correlation).
    """
    a, b = standardised(a) * len(a) ** 0.5, standardised(b) * len(b) ** 0.5
    n = draws.sum(1, keepdim=True)
    mean, var = _moments(a, draws, n)
    best = torch.zeros(len(draws), a.shape[1])
    for partner in c.topk(min(CANDIDATES, c.shape[1]), dim=1).indices.T:
        other, spread = _moments(b[:, partner], draws, n)
        cov = draws @ (a * b[:, partner]) / n - mean * other
        scale = (var * spread).clamp(min=0).sqrt()
        best = torch.maximum(best, torch.where(scale > 0, cov.abs() / scale.clamp(min=1e-30), 0.0))
    return best


def _moments(x: Tensor, draws: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    mean = draws @ x / n
    return mean, draws @ x.square() / n - mean.square()


def _rows(panel: Panel) -> Tensor:
    return panel.spots.flatten(0, 1)


def match(a: Tensor, b: Tensor) -> Tensor:
    """abs(correlation) of every unit of `a` with every unit of `b` over the same rows: (units of a, units of b)."""
    return (standardised(a).T @ standardised(b)).abs()


def null(half: Panel, other: Panel, seed: int) -> Tensor:
    """What chance gives each unit, (units,): 95 % quantile of its best match in rotated and in shuffled replicas.

    A rotation keeps the replica's spectrum and its subspace, and so everything but the choice of axes.
    """
    rng = np.random.default_rng(seed)
    a = standardised(_rows(half))
    rotated = [
        (a.T @ standardised(_rows(other) @ rotation(other.spots.shape[2], rng))).abs().amax(1) for _ in range(ROTATIONS)
    ]
    shuffled = []
    for _ in range(ROTATIONS):
        order = torch.from_numpy(rng.permutation(len(other)))
        shuffled.append((a.T @ standardised(other.spots[order].flatten(0, 1))).abs().amax(1))
    return torch.maximum(torch.stack(rotated).quantile(QUANTILE, 0), torch.stack(shuffled).quantile(QUANTILE, 0))


def rotation(units: int, rng: np.random.Generator) -> Tensor:
    """A random orthogonal matrix, uniform over all of them (Mezzadri 2007): (units, units) float32."""
    q, r = torch.linalg.qr(torch.from_numpy(rng.standard_normal((units, units), dtype=np.float32)))
    uniform: Tensor = q * r.diagonal().sign()
    return uniform


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
            "the 95 % quantile of rotated and of shuffled replicas",
            "concepts", 0, source="Li et al. 2016; docs/numbers.md",
        ),
        "replicated_low": Column("lower end of the 95 % interval over examples", "concepts", 0),
        "replicated_high": Column("upper end of the 95 % interval over examples", "concepts", 0),
    },
    unit_columns={
        "replication": Column("best abs(correlation) with a unit of a replica, least over replicas", "", 0, 1),
        "replication_null": Column("what a rotated or shuffled replica gives (95 % quantile)", "", 0, 1),
        "replication_paired": Column("abs(correlation) with its partner in a one-to-one matching", "", 0, 1),
        "replicated": Column("found in every replica beyond chance", "", 0, 1),
    },
)  # fmt: skip
