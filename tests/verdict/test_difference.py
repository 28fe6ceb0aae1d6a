"""The difference to untrained nets is as doubtful as these are different."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from layercensus.verdict.difference import difference


def test_by_hand() -> None:
    nets = np.array([10.0, 12.0, 14.0, 12.0, 12.0])  # mean 12, variance 2
    untrained, count, found, low, high = difference(20.0, 11.0, nets, 0.0)
    assert (untrained, count, found) == (13.0, 5, 7.0)  # the twin is 2 below the mean of all
    reach = student.ppf(0.975, 4) * (2 * 1.2) ** 0.5
    assert (low, high) == pytest.approx((7 - reach, 7 + reach))
    assert difference(20.0, 11.0, nets, 3.0)[4] == pytest.approx(7 + (reach**2 + (1.96 * 3) ** 2) ** 0.5)


def test_few_untrained_nets_give_no_interval() -> None:
    untrained, count, found, low, high = difference(20.0, 11.0, np.array([10.0, 12.0, 13.0, 9.0]), 0.0)
    assert (untrained, count, found) == (11.0, 4, 9.0)
    assert np.isnan([low, high]).all()
    assert difference(20.0, 11.0, np.array([np.nan, 1, 2, 3, 4]), 0.0)[1] == 4  # compared with the twin itself


def test_a_net_that_was_never_trained_is_another_of_them() -> None:
    """95 % of the intervals hold 0, where the net is one more draw of untrained nets."""
    draws = np.random.default_rng(0).normal(20, 4, (4000, 6))
    found = [difference(own, nets[0], nets, 0.0) for own, nets in zip(draws[:, 0], draws[:, 1:], strict=True)]
    held = np.mean([low <= 0 <= high for *_, low, high in found])
    assert 0.935 < held < 0.965
