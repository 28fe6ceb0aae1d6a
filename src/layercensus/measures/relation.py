"""Which other unit a unit repeats, and how: the same, negated, in ranks only, or at other positions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..settings import Settings
from .relations import BEHIND, LINEAR, Relations
from .similar_pairs import most_pairs, similar_pairs
from .sparse_linkage import clusters_at, merges_of

RELATIONS = ("same", "negated", "monotone", "shifted")
SAME, NEGATED, MONOTONE = range(3)


def representatives(cluster: Tensor, reliability: Tensor) -> Tensor:
    """The most reliable unit of each cluster stands for it; ties go to the lower index; -1 outside clusters."""
    order = np.lexsort((np.arange(len(cluster)), -reliability.nan_to_num(-1).numpy(), cluster.numpy()))
    ranked = cluster.numpy()[order]
    _, first, which = np.unique(ranked, return_index=True, return_inverse=True)
    best = np.empty(len(cluster), dtype=np.int64)
    best[order] = order[first][which]
    return torch.from_numpy(np.where(cluster.numpy() >= 0, best, -1))


def relation_of(relations: Relations, representative: Tensor, tau: float) -> Tensor:
    """Index into RELATIONS for each unit that another one represents; -1 for all others: (units,) int64.

    A line is preferred to what lies behind two units, and that to ranks, where each reaches tau.
    """
    place = torch.full_like(representative, -1)
    place[relations.units] = torch.arange(len(relations.units))
    mine = ((representative >= 0) & (representative != torch.arange(len(place)))).nonzero().flatten()
    c = relations.between(place[mine], place[representative[mine]])
    straight = torch.where(c[LINEAR].abs() >= tau - 1e-6, c[LINEAR], c[BEHIND])
    monotone = straight.abs() < torch.minimum(c.abs().amax(0), torch.tensor(tau - 1e-6))
    found = torch.full_like(representative, -1)
    found[mine] = torch.where(monotone, MONOTONE, torch.where(straight < 0, NEGATED, SAME))
    return found


def clusters_of_means(mean: Tensor, passed: Tensor, settings: Settings) -> NDArray[np.int64] | None:
    """Cluster of each unit that passed when units are compared by their spatial means; -1 for others.

    None where more pairs are alike than the budget lets be followed. mean: (examples, units); passed: (units,) bool.
    """
    units = passed.nonzero().flatten()
    pairs = similar_pairs(
        [lambda some: mean[:, units[some]]], len(units), floors=[settings.tau], sign_blind=settings.sign_blind,
        most=most_pairs(settings.memory, len(mean) * len(units)), relations=Relations.of(mean[:, None], units),
    )  # fmt: skip
    if pairs is None:
        return None
    found = np.full(len(passed), -1)
    found[passed.numpy()] = clusters_at(merges_of(pairs), settings.tau)
    return found


def shifted(cluster: Tensor, representative: Tensor, means: NDArray[np.int64], reliability: Tensor) -> Tensor:
    """For a unit that stands for a cluster, the unit with the same spatial means that stands for another; else -1."""
    itself = representative == torch.arange(len(cluster))
    alone = torch.where(itself, torch.from_numpy(means), -1)
    first = representatives(alone, reliability)
    return torch.where(itself & (first != representative), first, -1)
