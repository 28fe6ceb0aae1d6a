"""The 95 % interval of a count of units that pass a threshold, from resampled examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .dealt import Dealt

LEVEL = 0.95
REFLECTED = 0.975  # of resamples of which every second one is reflected, so that each half keeps its own tail
CONTINUITY = 0.5


def interval(
    estimate: float, resampled: NDArray[np.float64] | NDArray[np.int64], level: float = LEVEL
) -> tuple[float, float]:
    """Interval for a count from its resamples; see docs/intervals.md for its measured coverage."""
    tail = (1 - level) / 2 * 100
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(min(low, estimate)), float(max(high, estimate))


def bounds(name: str, estimate: float, resampled: Tensor, dealt: Dealt, most: float) -> dict[str, float]:
    """The columns NAME_low and NAME_high of a count that is at most `most`.

    resampled: (resamples,), as `Dealt.widened` gives it. Between groups of examples a count's interval reaches half a
    unit further (Yates' correction for continuity); see docs/intervals.md for what it holds with and without.
    """
    low, high = interval(estimate, resampled.numpy(), REFLECTED if dealt.grouped else LEVEL)
    if dealt.grouped:
        low, high = min(estimate, max(low - CONTINUITY, 0.0)), max(estimate, min(high + CONTINUITY, most))
    return {f"{name}_low": low, f"{name}_high": high}


def recentred(resampled: Tensor, estimate: Tensor) -> Tensor:
    """Each unit's resamples moved so that their mean is its estimate: a fraction of variance is biased in a resample.

    resampled: (resamples, units); estimate: (units,).
    """
    return resampled - resampled.mean(0) + estimate


def example_weights(groups: Tensor | Dealt | int, resamples: int, seed: int) -> Tensor:
    """How often each example is in each resample: (resamples, examples) float32; a group's examples go together.

    groups: (examples,) int64, as `Panel.group` has them; or the number of examples, where each stands for itself. What
    is counted in these resamples goes through `Dealt.widened`, without which few groups give too narrow an interval.
    """
    dealt = groups if isinstance(groups, Dealt) else Dealt.of(groups)
    return dealt.weights(resamples, seed).float()[:, dealt.block()]
