"""The 95 % interval of a count of units that pass a threshold, from resampled examples."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .pair_resamples import GROUPS, group_weights


def interval(
    estimate: float, resampled: NDArray[np.float64] | NDArray[np.int64], level: float = 0.95
) -> tuple[float, float]:
    """Interval for a count from its resamples; see docs/intervals.md for its measured coverage."""
    tail = (1 - level) / 2 * 100
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(min(low, estimate)), float(max(high, estimate))


def bounds(name: str, estimate: float, resampled: Tensor) -> dict[str, float]:
    """The columns NAME_low and NAME_high."""
    low, high = interval(estimate, resampled.numpy())
    return {f"{name}_low": low, f"{name}_high": high}


def recentred(resampled: Tensor, estimate: Tensor) -> Tensor:
    """Each unit's resamples moved so that their mean is its estimate: a fraction of variance is biased in a resample.

    resampled: (resamples, units); estimate: (units,).
    """
    return resampled - resampled.mean(0) + estimate


def example_weights(examples: int, resamples: int, seed: int) -> Tensor:
    """How often each example is in each resample: (resamples, examples) float32; groups of examples go together."""
    groups = min(GROUPS, examples)
    return group_weights(resamples, groups, seed).float()[:, torch.arange(examples) % groups]
