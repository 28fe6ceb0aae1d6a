"""P-values are uniform under chance, and the false discovery rate is what it says."""

import numpy as np
import pytest
import torch
from scipy.stats import false_discovery_control

from layercensus.measures.chance import discoveries, pairing_p

from .evidence import normal


def test_benjamini_hochberg_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = np.concatenate([rng.uniform(size=40), rng.uniform(0, 0.01, size=rng.integers(0, 20))])
        expected = false_discovery_control(p) <= 0.05
        assert discoveries(torch.from_numpy(p), 0.05).tolist() == expected.tolist()


def test_untested_units_are_no_discoveries_and_no_burden() -> None:
    p = torch.tensor([0.001, float("nan"), 0.9, float("nan")])
    assert discoveries(p, 0.05).tolist() == [True, False, False, False]


def test_pairing_p_is_uniform_under_chance() -> None:
    p = pairing_p(normal(0, 300, 2000), normal(1, 300, 2000), at_least=999, seed=0)
    for level in (0.01, 0.05, 0.2, 0.5):
        assert float((p <= level).double().mean()) == pytest.approx(level, abs=3 * (level * (1 - level) / 2000) ** 0.5)


def test_pairing_p_agrees_with_shuffling_one_by_one() -> None:
    a = normal(2, 60, 5)
    b = 0.25 * a + normal(3, 60, 5)
    a, b = a - a.mean(0), b - b.mean(0)
    fast = pairing_p(a, b, at_least=900, seed=1)
    generator = torch.Generator().manual_seed(4)
    shuffled = torch.stack([(a * b[torch.randperm(60, generator=generator)]).sum(0) for _ in range(4000)])
    slow = (shuffled >= (a * b).sum(0)).double().mean(0)
    torch.testing.assert_close(fast.double(), slow, atol=0.04, rtol=0.0)


def test_no_p_is_zero() -> None:
    a = normal(5, 50, 3)
    assert pairing_p(a, a, at_least=999, seed=0).min() > 0
