"""Did other training runs find the unit too?"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..tally import Panel
from .correlation import standardised
from .measure import Column, Evidence, Measure, Outcome
from .reliability import FEWEST

ROTATIONS = 20
QUANTILE = 0.95


def compute(evidence: Evidence) -> Outcome:
    """Best absolute correlation with a unit of every replica, beyond a rotated replica and a shuffled example order."""
    half = evidence.panel.half(1)
    if not evidence.replicas or "cluster" not in evidence.units or len(half) < FEWEST:
        return Outcome()
    best, chance, paired = [], [], []
    for number, replica in enumerate(evidence.replicas):
        other = replica.half(1)
        best.append(match(_rows(half), _rows(other)).amax(1))
        chance.append(null(half, other, evidence.seed + number))
        paired.append(one_to_one(_rows(half), _rows(other)))
    s, c = torch.stack(best).amin(0), torch.stack(chance).amax(0)
    found = (torch.stack(best) > torch.stack(chance)).all(0) & evidence.units["reliable"]
    cluster = evidence.units["cluster"][found]
    units = {
        "replication": s,
        "replication_null": c,
        "replication_paired": torch.stack(paired).amin(0),
        "replicated": found,
    }
    concepts = cluster[cluster >= 0].unique()  # type: ignore[no-untyped-call]
    return Outcome(layer={"replicated": len(concepts)}, units=units)


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


def one_to_one(a: Tensor, b: Tensor) -> Tensor:
    """abs(correlation) of each unit of `a` with its own partner in the best one-to-one matching; 0 without partner."""
    c = match(a, b).numpy()
    i, j = linear_sum_assignment(c, maximize=True)
    out = np.zeros(len(c), dtype=np.float32)
    out[i] = c[i, j]
    return torch.from_numpy(out)


replicated = Measure(
    "replicated",
    compute,
    layer_columns={
        "replicated": Column(
            "distinct concepts holding a unit that every replica has too: its best abs(correlation) there is beyond "
            "the 95 % quantile of rotated and of shuffled replicas",
            "concepts", 0, source="Li et al. 2016; docs/numbers.md",
        )
    },
    unit_columns={
        "replication": Column("best abs(correlation) with a unit of a replica, least over replicas", "", 0, 1),
        "replication_null": Column("what a rotated or shuffled replica gives (95 % quantile)", "", 0, 1),
        "replication_paired": Column("abs(correlation) with its partner in a one-to-one matching", "", 0, 1),
        "replicated": Column("found in every replica beyond chance", "", 0, 1),
    },
)  # fmt: skip
