"""Intervals hold where a few examples carry most of a unit's variance."""

import numpy as np
import pytest
import torch

import layercensus as lc
from layercensus.measures import MEASURES, measure

from .evidence import evidence, normal

JUDGES = [m for m in MEASURES if m.name in ("live", "reliability")]
SEEDS = 60


@pytest.mark.parametrize("skew", [1.0, 0.01])
def test_the_interval_of_reliable_units_holds_for_lognormal_responses(skew: float) -> None:
    """exp(s z) of two readings z that correlate by c correlate by (exp(s^2 c) - 1) / (exp(s^2) - 1), exactly."""
    held = 0
    for seed in range(SEEDS):
        c = torch.from_numpy(np.random.default_rng(seed).uniform(0.35, 0.65, 40)).float()
        z, own = normal(seed, 600, 40), normal(seed + 1000, 2, 600, 40)
        a, b = ((skew * (c.sqrt() * z + (1 - c).sqrt() * each)).exp() for each in own)
        truth = int(((torch.expm1(skew**2 * c) / np.expm1(skew**2)) >= 0.5).sum())
        got = measure(evidence(((a + b) / 2)[:, None], a, b, settings=lc.Settings(resamples=80)), JUDGES).layer
        held += got["reliable_low"] <= truth <= got["reliable_high"]
    assert held >= 0.85 * SEEDS  # 36 of 60 for lognormal responses with resamples as they are


def test_one_rare_unit_does_not_widen_a_layer_of_ordinary_ones() -> None:
    x = normal(0, 400, 30)
    rare = torch.cat([x[:, :29], (x[:, 29:] > 2).float()], 1)
    noisy = [rare + 0.95 * normal(seed, 400, 30) * (torch.arange(30) < 29) for seed in (1, 2)]
    both = [measure(evidence(rare[:, None, :k], *(n[:, :k] for n in noisy)), JUDGES).layer for k in (29, 30)]
    low, high = (both[1][end] - both[0][end] for end in ("reliable_low", "reliable_high"))
    assert (low, high) == (1, 1)
