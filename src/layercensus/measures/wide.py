"""The distinct units of a layer whose correlation matrix is beyond the budget: the same counts, from similar pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ..settings import TAU_GRID, Settings
from ..tally import Panel
from .bootstrap import FEWEST, LARGE, MARGIN, Resamples
from .relations import BEHIND, Relations, ranked_rows
from .similar_pairs import Rows, most_pairs, similar_pairs
from .sparse_linkage import Pairs, clusters_at, merges_of
from .threshold_grid import Grid, Sizes, threshold_grid


def followed(half: Panel, units: int, settings: Settings) -> int:
    """How many pairs of so many units of a half of the panel the budget lets be followed."""
    return most_pairs(settings.memory, ranked_rows(half.spots) * units)


@dataclass(frozen=True)
class WideLayer:
    """The pairs of a layer's units that are alike, and what is needed to resample them."""

    pairs: Pairs
    relations: Relations
    settings: Settings

    @classmethod
    def of(cls, half: Panel, wide: Tensor, settings: Settings) -> WideLayer | None:
        """None where more pairs are alike than the budget lets be followed. wide: (units,) which are compared."""

        def rows(some: slice) -> Tensor:
            return half.spots[:, :, wide[some]].flatten(0, 1)

        readings: list[Rows] = [rows] + ([lambda some: half.peak[:, wide[some]]] if half.spots.shape[1] > 1 else [])
        floors = {*(tau for tau in TAU_GRID if tau <= settings.tau), settings.tau - MARGIN, settings.tau - MARGIN / 3}
        relations = Relations.of(half.spots, wide, half.group)
        pairs = similar_pairs(
            readings, len(wide), floors=sorted(floors), sign_blind=settings.sign_blind,
            most=followed(half, len(wide), settings), relations=relations,
        )  # fmt: skip
        return None if pairs is None else cls(pairs, relations, settings)

    def clusters(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Cluster number of each chosen unit at tau."""
        return clusters_at(merges_of(self.pairs.of(chosen)), self.settings.tau)

    def grid(self, r: NDArray[np.float64], presence: NDArray[np.float64]) -> Grid | None:
        """Distinct units for every pair of thresholds, as counts and rarefied; None where pairs at the lowest lack."""
        if self.pairs.floor > min(TAU_GRID):
            return None

        def clusters(keep: NDArray[np.bool_]) -> Sizes:
            merges = merges_of(self.pairs.of(keep))
            return lambda tau: np.bincount(clusters_at(merges, tau))

        return threshold_grid(r, presence, clusters)

    def resamples(self, passed: Tensor, presence: NDArray[np.float64], seed: int) -> Resamples:
        """Count the distinct units again in every resample. passed: (resamples, units) bool, reliable there."""
        followed, tau = self.pairs, self.settings.tau
        near = followed.similarity >= tau - MARGIN
        i, j, kind = followed.i[near], followed.j[near], followed.kind[near]
        kept = len(passed) if self._light(i, j, len(passed)) else min(FEWEST, len(passed))
        distinct, rarefied = np.zeros(kept, dtype=np.int64), np.zeros(kept)
        similar = torch.zeros(kept, len(i))  # 4 of the EACH bytes of a pair, for each of FEWEST resamples
        for some, c in self._resampled(i, j, kind, seed=seed, resamples=kept):
            similar[:, torch.from_numpy(some)] = c
        for r, value in enumerate(similar.numpy()):
            mine, alive = value >= tau, passed[r].numpy()
            alike = Pairs(i[mine], j[mine], value[mine].astype(np.float64), followed.units, tau)
            merges = merges_of(alike.of(alive))
            sizes = np.bincount(clusters_at(merges, tau))
            distinct[r], rarefied[r] = len(sizes), presence[sizes].sum()
        return Resamples(distinct, rarefied, passed[:kept].sum(1).numpy(), bool((kind == BEHIND).any()))

    def _light(self, i: NDArray[np.int64], j: NDArray[np.int64], resamples: int) -> bool:
        """Whether all resamples are followed: where components are small, and pairs few."""
        units = self.pairs.units
        graph = coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=(units, units))
        largest = np.bincount(connected_components(graph, directed=False)[1]).max(initial=0)
        readings = self.relations.standing.by_rank.numel()
        return bool(largest <= LARGE and len(i) * resamples <= most_pairs(self.settings.memory, readings) * FEWEST)

    def _resampled(
        self, i: NDArray[np.int64], j: NDArray[np.int64], kind: NDArray[np.int8], *, seed: int, resamples: int
    ) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Of some pairs at a time: their numbers, and their similarities (resamples, those pairs)."""
        own = Pairs(i, j, np.zeros(0), self.pairs.units, self.pairs.floor)
        for some, c in self.relations.resamples(own, kind, seed=seed, resamples=resamples):
            yield some, c.abs() if self.settings.sign_blind else c
