"""Correlations between units, and the clusters of units that say the same."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from torch import Tensor


def standardised(rows: Tensor) -> Tensor:
    """Columns with mean 0 and length 1; a column that does not vary becomes 0.

    rows: (rows, units) float; returned float32.
    """
    shifted = _centred(rows)
    length = shifted.square().sum(0, dtype=torch.float64).sqrt().float()  # torch's norm takes many times as long
    still = length <= 1e-6 * rows.abs().amax(0) * len(rows) ** 0.5
    return torch.where(still, 0.0, shifted / length.clamp(min=1e-30))


def _centred(rows: Tensor) -> Tensor:
    """Columns less their means, as if computed in float64, in float32."""
    middle = rows.mean(0, dtype=torch.float64)
    if rows.dtype != torch.float32:
        return (rows - middle).float()
    near = middle.float()
    return rows - near - (middle - near).float()  # what float32 leaves of the mean is subtracted after it


def correlation(rows: Tensor) -> Tensor:
    """(units, units) Pearson correlation; 0 for a unit that does not vary."""
    z = standardised(rows)
    return (z.T @ z).clamp(-1, 1)


def unit_correlation(spots: Tensor, pooled: Tensor) -> Tensor:
    """Correlation of units over the positions of all examples; where a unit is still at these positions, of its peaks.

    spots: (examples, spots, units); pooled: (examples, units). Returned (units, units).
    """
    z = standardised(spots.flatten(0, 1))
    c = (z.T @ z).clamp(-1, 1)
    still = z.abs().amax(0) == 0
    if still.any() and spots.shape[1] > 1:
        other = correlation(pooled)
        c = torch.where(still[:, None] | still[None, :], other, c)
    return c


def similarity_of(c: Tensor, sign_blind: bool) -> NDArray[np.float64]:
    """Similarity 0..1 as float64 for clustering: absolute, or with negative correlations as 0."""
    return (c.abs() if sign_blind else c.clamp(min=0)).double().numpy()


def linkage_of(similarity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Complete linkage of the units (SciPy's form, a row a merge); empty for fewer than two."""
    if len(similarity) < 2:
        return np.zeros((0, 4))
    distance = 1.0 - similarity
    np.fill_diagonal(distance, 0.0)
    joined: NDArray[np.float64] = linkage(squareform(np.maximum(distance, 0.0), checks=False), "complete")
    return joined


def flat_clusters(merges: NDArray[np.float64], units: int, tau: float) -> NDArray[np.int64]:
    """Cluster number 0, 1, ... of each unit when every pair within a cluster has a similarity of at least `tau`."""
    if units < 2 or merges[0, 2] > 1.0 - tau + 1e-9:
        return np.arange(units)
    labels = fcluster(merges, 1.0 - tau + 1e-9, "distance")
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def cluster_sizes(merges: NDArray[np.float64], units: int, tau: float) -> NDArray[np.int64]:
    """How many units each cluster of `flat_clusters` has, those of several units first.

    Read off the merges: heights never fall in a complete linkage, so that a cut keeps the first of them, and what they
    made and did not merge further are the clusters.

    >>> merges = linkage_of(np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]]))
    >>> cluster_sizes(merges, 3, 0.8).tolist(), cluster_sizes(merges, 3, 0.95).tolist()
    ([2, 1], [1, 1, 1])
    """
    made = int(np.searchsorted(merges[:, 2], 1.0 - tau + 1e-9, side="right"))
    root = np.ones(made, dtype=bool)
    parts = merges[:made, :2].astype(np.int64).ravel() - units
    root[parts[parts >= 0]] = False
    several = merges[:made, 3][root].astype(np.int64)
    return np.concatenate([several, np.ones(units - int(several.sum()), dtype=np.int64)])
