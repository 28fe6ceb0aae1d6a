"""Which examples of a panel share a source: by the groups that were given, or by coming in clusters of near copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..count.provenance import Provenance
from ..measures.neighbours import distances
from ..tally import Panel
from ..tally.groups import alone, halves, sizes
from .record import Finding

FEWEST, MOST = 64, 1024  # examples that are compared
NEIGHBOURS = 256  # of each example, so that a cluster may be as large
CHANCE = 0.01  # of an example alone among evenly spread ones
ENOUGH = 0.25  # fraction of the examples that must lie in such clusters
MANY = 40  # groups from which on a bootstrap of groups needs no apology (Cameron & Miller 2015)
TIES = 0.2  # fraction of equal distances from which on values are discrete, and steps between them no gaps


def groups_of(group: Tensor) -> dict[str, Any]:
    """As provenance: how many groups a panel has, how many in each half, and how many examples each; empty without.

    group: (examples,) int64.

    >>> groups_of(torch.tensor([3, 3, 8, 8, 8, 5]))
    {'groups': 3, 'halves': [1, 2], 'examples': [1, 2, 3]}
    """
    if alone(group):
        return {}
    half, size = halves(group), sizes(group)
    return {
        "groups": len(size),
        "halves": [len(sizes(group[half == which])) for which in (0, 1)],
        "examples": [size[-1], size[len(size) // 2], size[0]],  # least, median, most
    }


def few(provenance: Provenance) -> Iterator[Finding]:
    """What to do where the examples come from few sources, or seem to."""
    known, seen = provenance.groups, provenance.sources_seen
    if known and known["groups"] < MANY:
        yield Finding(
            None, (), f"Only {known['groups']} groups of examples stand behind the tests between units, "
            f"{known['halves'][0]} and {known['halves'][1]} in the panel's halves: the intervals are as wide as so few "
            f"sources ask for. Examples from {MANY} sources or more make them narrower.", {"groups": dict(known)},
        )  # fmt: skip
    if seen is not None:
        yield Finding(
            None, (), f"The examples of the panel lie in about {seen:,} clusters of near copies, as crops of one "
            "photograph or frames of one film do, and the intervals take each example for evidence of its own. Pass "
            "groups=..., one per example, that names its source.", {"sources": seen, "examples": provenance.panel},
        )  # fmt: skip


def sources_seen(panel: Panel) -> int | None:
    """About how many sources the examples of a panel come from, judged in one layer; None where each may be its own.

    Where points are spread evenly around one of them, j log(r_(j+1) / r_j) of its distances r is exponential with a
    mean that is the same for neighbouring j (Facco et al. 2017). An example lies in a cluster of j + 1 where that
    number is far beyond its neighbours'. A cluster that is a whole class is none. Cost: the square of at most MOST
    examples.
    """
    if not len(panel) >= FEWEST or not alone(panel.group):
        return None
    x, label = panel.mean[:MOST], panel.label[:MOST]
    r, repeated = distances(x, min(NEIGHBOURS, len(x) - 1))
    if repeated or r.shape[1] < 16 or float((r[:, 1:] == r[:, :-1]).double().mean()) > TIES:
        return None
    size = _cluster(r.numpy())
    whole = torch.tensor([int((label == own).sum()) for own in label]).numpy() if bool((label >= 0).any()) else len(x)
    size = np.where(size < 0.8 * whole, size, 1)
    return round(float((1 / size).sum())) if float((size > 1).mean()) >= ENOUGH else None


def _cluster(r: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many examples lie in the cluster of each, 1 where it is alone: (examples,). r: (examples, neighbours)."""
    j = np.arange(1, r.shape[1])
    step = j * np.log(r[:, 1:] / np.maximum(r[:, :-1], 1e-30))
    summed = np.concatenate([np.zeros((len(r), 1)), step.cumsum(1)], axis=1)
    low, high = np.maximum(j // 2 - 1, 0), np.minimum(2 * j + 6, len(j))  # the window around each, itself left out
    others = high - low - 1
    mean = (summed[:, high] - summed[:, low] - step) / others
    chance = 0.6 * CHANCE / j**2  # in all as often as CHANCE
    beyond = step / np.maximum(mean, 1e-30) > others * (chance ** (-1 / others) - 1)
    return np.where(beyond.any(1), beyond.argmax(1) + 2, 1)
