"""Resampling of examples (never of positions) for the number of distinct units, at the cost of one correlation matrix.

Examples are dealt into blocks; sums over each block are kept, and a resample is a weighted sum of them. Only pairs of
units near the threshold can change sides, so only these are followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from .correlation import cluster_sizes, linkage_of
from .dealt import Dealt
from .place import heavy
from .relations import BEHIND, Relations
from .sparse_linkage import Pairs

MARGIN = 0.12  # how far below the threshold a pair is still followed
LARGE = 256  # units of a component from which on only FEWEST resamples are clustered, since each costs its square
FEWEST = 40
AT_ONCE = 2**26  # correlations of pairs in resamples that are held at once


@dataclass(frozen=True)
class Resamples:
    """For each resample of the examples: how many distinct units, and how many when rarefied to the narrowest width."""

    distinct: NDArray[np.int64] | NDArray[np.float64]  # (resamples,)
    rarefied: NDArray[np.float64]  # (resamples,)
    reliable: NDArray[np.int64]  # (resamples,)
    attenuated: bool = False  # some of the pairs that decide it are compared behind what cuts them off

    def mirrored(self, sizes: NDArray[np.int64]) -> NDArray[np.float64]:
        """The distinct units of each resample with the merges as far on the other side of those of the clusters.

        sizes: (clusters,). Noise parts pairs near the cut, and once more in a resample: where it is as large as behind
        a cut, merges that a resample lost are as likely to have been lost already.
        """
        merged = 2 * (int(sizes.sum()) - len(sizes)) - (self.reliable - self.distinct)
        return np.clip(self.reliable - merged, np.minimum(1, self.reliable), self.reliable).astype(np.float64)


def reliability_resamples(a: Tensor, b: Tensor, *, dealt: Dealt, seed: int, resamples: int) -> Tensor:
    """ICC(1) of every unit in each resample of the examples: (resamples, units) float32.

    a, b: (examples, units), of two views.
    """
    return _reliability(a, b, dealt, dealt.weights(resamples, seed))


@heavy
def _reliability(a: Tensor, b: Tensor, dealt: Dealt, weight: Tensor) -> Tensor:
    middle = (a.double().mean(0) + b.double().mean(0)) / 2
    a, b = (a - middle).float(), (b - middle).float()
    total = weight @ dealt.sums(torch.ones(len(a), 1))
    m = weight @ dealt.sums(a + b) / 2 / total
    cov = weight @ dealt.sums(a * b) / total - m.square()
    var = weight @ dealt.sums(a.square() + b.square()) / 2 / total - m.square()
    return torch.where(var > 0, cov / var.clamp(min=1e-300), -1.0).float()


def distinct_resamples(
    passed: Tensor,
    relations: Relations,
    similarity: Tensor,
    kind: Tensor,
    *,
    tau: float,
    sign_blind: bool,
    presence: NDArray[np.float64],
    seed: int,
) -> Resamples:
    """Count the distinct units again in every resample.

    passed: (resamples, units) bool, reliable in that resample. similarity, kind: (units, units), of the whole half:
    how alike units are, and in which of their relations. presence: chance by cluster size.
    """
    component = _components(similarity.numpy() >= tau - MARGIN)
    size = np.bincount(component)
    singletons = torch.from_numpy(size[component] == 1)
    lone = passed[:, singletons].sum(1).numpy()
    distinct, rarefied = lone.astype(np.int64), lone * presence[1]
    attenuated = False
    if bool((~singletons).any()):
        members = np.flatnonzero(size[component] > 1)
        pairs = _near(similarity.numpy()[np.ix_(members, members)], tau - MARGIN)
        kept = min(FEWEST, len(passed)) if size.max() > LARGE else len(passed)
        passed, distinct, rarefied = passed[:kept], distinct[:kept], rarefied[:kept]
        own = Pairs(members[pairs.i], members[pairs.j], pairs.similarity, len(similarity), pairs.floor)
        kinds, alive = kind.numpy()[own.i, own.j], passed[:, members].numpy()
        attenuated = bool((kinds == BEHIND).any())
        step = max(1, AT_ONCE // len(own.i))  # resamples; all of them but in a large layer of which most pairs are near
        for start in range(0, kept, step):
            some = slice(start, min(start + step, kept))
            c = torch.zeros(some.stop - some.start, len(own.i))
            for which, part in relations.resamples(own, kinds, seed=seed, resamples=kept, some=some):
                c[:, torch.from_numpy(which)] = part.abs() if sign_blind else part
            for block, mask in _blocks(pairs, component[members], alive[some], c.numpy()):
                for r, sizes in _counted(block, mask, tau):
                    distinct[some][r] += len(sizes)
                    rarefied[some][r] += presence[sizes].sum()
    return Resamples(distinct, rarefied, passed.sum(1).numpy(), attenuated)


def _components(near: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of the connected component of each unit: clusters never reach across components."""
    i, j = np.nonzero(near)
    graph = coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=near.shape)
    number: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return number


def _near(similarity: NDArray[np.float64], floor: float) -> Pairs:
    """The pairs that can be alike in some resample."""
    i, j = np.nonzero(np.triu(similarity >= floor, 1))
    return Pairs(i, j, similarity[i, j], len(similarity), floor)


Block = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _blocks(
    pairs: Pairs, component: NDArray[np.int64], passed: NDArray[np.bool_], c: NDArray[np.float64]
) -> Iterator[tuple[Block, NDArray[np.bool_]]]:
    """Per component: its pairs with their resampled correlations, and which members passed in each resample."""
    of_pair = component[pairs.i]
    order = np.argsort(of_pair, kind="stable")
    edges = np.flatnonzero(np.diff(of_pair[order])) + 1
    for chosen in np.split(order, edges):
        members = np.flatnonzero(component == of_pair[chosen[0]])
        position = np.full(len(component), -1)
        position[members] = np.arange(len(members))
        yield (position[pairs.i[chosen]], position[pairs.j[chosen]], c[:, chosen]), passed[:, members]


def _counted(
    block: Block, passed: NDArray[np.bool_], tau: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cluster sizes of one component and the resamples that have them; those that agree on every pair count once."""
    i, j, c = block
    mark = np.packbits(np.concatenate([passed, c >= tau], axis=1), axis=1)
    _, first, which = np.unique(mark, axis=0, return_index=True, return_inverse=True)
    for number, r in enumerate(first):
        yield np.flatnonzero(which.ravel() == number), _sizes(i, j, c[r], passed[r], tau)


def _sizes(
    i: NDArray[np.int64], j: NDArray[np.int64], c: NDArray[np.float64], alive: NDArray[np.bool_], tau: float
) -> NDArray[np.int64]:
    if len(alive) == 2:  # most components are pairs
        return np.array([2]) if alive.all() and c[0] >= tau else np.ones(int(alive.sum()), dtype=np.int64)
    matrix = np.zeros((len(alive), len(alive)))
    matrix[i, j] = matrix[j, i] = c
    matrix = matrix if alive.all() else matrix[np.ix_(alive, alive)]
    return cluster_sizes(linkage_of(matrix), len(matrix), tau)
