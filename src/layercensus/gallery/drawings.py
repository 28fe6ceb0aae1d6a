"""Pictures of a layer that need nothing but its panel: a histogram of every unit, and who correlates with whom."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list
from torch import Tensor

from ..measures.by_units import by_units
from ..measures.correlation import linkage_of, similarity_of, unit_correlation
from ..measures.reliability import FEWEST
from ..tally import Panel
from .gallery import Matrix, Strip

BINS = 16
LARGEST = 256  # units of a correlation matrix


def strip(panel: Panel) -> Strip:
    """A histogram of every unit's spatial means between its own smallest and largest value.

    They are shown and not counted: at the edge of a bin the last bit of a mean decides.
    """
    if len(panel) == 0:
        units = panel.mean.shape[1]
        none = np.zeros(units, dtype=np.float32)
        return Strip(np.zeros((units, BINS), dtype=np.int32), none, none)
    low, high = panel.mean.amin(0), panel.mean.amax(0)

    def counted(mean: Tensor, edges: Tensor) -> Tensor:
        low, high = edges
        bins = ((mean - low) / (high - low).clamp(min=1e-30) * BINS).long().clamp(0, BINS - 1)
        counts = torch.zeros(BINS, len(low), dtype=torch.int32)
        return counts.scatter_add_(0, bins, torch.ones((), dtype=torch.int32).expand_as(bins))

    counts = by_units(counted, panel.mean, torch.stack([low, high]))
    return Strip(counts.T.numpy(), low.numpy(), high.numpy())


def matrix(panel: Panel, units: dict[str, Tensor], sign_blind: bool) -> Matrix | None:
    """Correlations of the units that are in a cluster, at most `LARGEST`: largest clusters first.

    units: per-unit results of the measures. None where fewer than two units can be compared.
    """
    half = panel.half(1)
    if "cluster" not in units or len(half) < FEWEST:
        return None
    chosen = _chosen(units["cluster"].numpy(), units["reliability"].nan_to_num(-1).numpy())
    if len(chosen) < 2:
        return None
    picked = torch.from_numpy(chosen)
    signed = unit_correlation(half.spots[:, :, picked], half.peak[:, picked])
    order = leaves_list(linkage_of(similarity_of(signed, sign_blind)))
    values = (signed.numpy()[np.ix_(order, order)] * 100).round().astype(np.int8)
    return Matrix(chosen[order].astype(np.int32), values)


def _chosen(cluster: NDArray[np.int64], reliability: NDArray[np.float64]) -> NDArray[np.int64]:
    members = np.flatnonzero(cluster >= 0)
    size = np.bincount(cluster[members])[cluster[members]] if len(members) else members
    order = np.lexsort((members, -reliability[members], -size))
    return np.sort(members[order][:LARGEST])
