"""Complete linkage of units of which few pairs are alike, in memory that the number of these pairs decides."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROUNDING = 1e-9  # as in `flat_clusters`


@dataclass(frozen=True)
class Pairs:
    """The pairs of units with a similarity of at least `floor`; what is not listed is below it."""

    i: NDArray[np.int64]  # (pairs,) the lower unit
    j: NDArray[np.int64]  # (pairs,)
    similarity: NDArray[np.float64]  # (pairs,)
    units: int
    floor: float
    kind: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))  # (pairs,) their relation, or none

    def of(self, chosen: NDArray[np.bool_]) -> Pairs:
        """The pairs among some units, which are numbered anew. chosen: (units,) bool."""
        number = np.cumsum(chosen) - 1
        both = chosen[self.i] & chosen[self.j]
        return Pairs(
            number[self.i[both]], number[self.j[both]], self.similarity[both], int(chosen.sum()), self.floor
        )  # fmt: skip


def merges_of(pairs: Pairs) -> Pairs:
    """The merges of complete linkage that lie at `pairs.floor` or above, each with a unit of either side.

    Two clusters can merge where every pair across them is listed. Clusters that are each other's nearest merge in one
    round: complete linkage is reducible, so their order does not matter (Murtagh 1983). Ties go to the lower units.
    """
    i, j, s = pairs.i, pairs.j, pairs.similarity
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    while len(i):
        mutual = _mutual(i, j, s, pairs.units)
        found.append((i[mutual], j[mutual], s[mutual]))
        into, members = np.arange(pairs.units), np.ones(pairs.units, dtype=np.int64)
        into[j[mutual]], members[i[mutual]] = i[mutual], 2
        i, j, s = _joined(into[i[~mutual]], into[j[~mutual]], s[~mutual], members)
    columns = zip(*found, strict=True) if found else ([np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)])
    first, second, height = (np.concatenate(column) for column in columns)
    return Pairs(first, second, height, pairs.units, pairs.floor)


def clusters_at(merges: Pairs, tau: float) -> NDArray[np.int64]:
    """Cluster number 0, 1, ... of each unit at a threshold that is not below the floor of the pairs."""
    if not merges.units:
        return np.zeros(0, dtype=np.int64)
    kept = merges.similarity >= tau - ROUNDING
    edges = (np.ones(int(kept.sum()), dtype=np.int8), (merges.i[kept], merges.j[kept]))
    graph = coo_array(edges, shape=(merges.units, merges.units))
    label: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return label


def _mutual(i: NDArray[np.int64], j: NDArray[np.int64], s: NDArray[np.float64], units: int) -> NDArray[np.bool_]:
    """Which pairs are each other's nearest."""
    rank = np.empty(len(s), dtype=np.int64)
    rank[np.lexsort((j, i, -s))] = np.arange(len(s))
    best = np.full(units, len(s))
    np.minimum.at(best, i, rank)
    np.minimum.at(best, j, rank)
    mutual: NDArray[np.bool_] = (best[i] == rank) & (best[j] == rank)
    return mutual


def _joined(
    i: NDArray[np.int64], j: NDArray[np.int64], s: NDArray[np.float64], members: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The pairs of clusters after a round: the least of their pairs, gone where one of these was not listed.

    members: (units,) of how many clusters of the round before a cluster is made.
    """
    if not len(i):
        return i, j, s
    i, j = np.minimum(i, j), np.maximum(i, j)
    order = np.lexsort((j, i))
    i, j, s = i[order], j[order], s[order]
    first = np.flatnonzero(np.concatenate([[True], (i[1:] != i[:-1]) | (j[1:] != j[:-1])]))
    count = np.diff(np.append(first, len(i)))
    least = np.minimum.reduceat(s, first)
    i, j = i[first], j[first]
    whole = count == members[i] * members[j]
    return i[whole], j[whole], least[whole]
