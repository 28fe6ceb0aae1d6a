"""Shapes over depth: the right one where it is planted, none where order is random."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau
from sklearn.isotonic import IsotonicRegression

from layercensus.verdict.isotonic import fits
from layercensus.verdict.trend import rarity, shape_of, trend

SHAPES = {
    "rises": [5, 6, 9, 12, 20, 31, 40],
    "falls": [40, 35, 28, 20, 12, 7, 4],
    "peaks": [5, 9, 20, 24, 19, 8, 4],
    "troughs": [20, 12, 6, 3, 7, 13, 21],
    "flat": [20, 21, 20, 19, 20, 20, 21],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_planted_shape_is_found(shape: str) -> None:
    y = np.array(SHAPES[shape], dtype=float)
    resamples = y + np.random.default_rng(0).normal(0, 0.4, (200, len(y)))
    got = trend(y, resamples, float(y.mean()))
    assert got.shape == shape
    assert got.low <= got.tau <= got.high


def test_random_orders_show_a_shape_no_more_often_than_they_may() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        y = rng.normal(20, 6, 8)
        found += trend(y, np.tile(y, (3, 1)), 20.0).shape not in ("undecided", "flat")
    assert found / 300 <= 0.08 + 2 * (0.08 * 0.92 / 300) ** 0.5  # four shapes at one in fifty each


def test_noise_among_examples_makes_a_trend_undecided() -> None:
    y = np.array([10.0, 12, 14, 16, 18, 20])
    assert trend(y, y + np.random.default_rng(0).normal(0, 8, (200, 6)), 15.0).shape == "undecided"


@settings(max_examples=60, deadline=None)
@given(y=st.lists(st.floats(0, 100), min_size=3, max_size=12))
def test_monotone_fits_are_isotonic_regression(y: list[float]) -> None:
    values = np.array(y)
    total = ((values - values.mean()) ** 2).sum()
    if total < 1e-6:
        return
    for shape, increasing in (("rises", True), ("falls", False)):
        fitted = IsotonicRegression(increasing=increasing).fit_transform(np.arange(len(values)), values)
        assert fits(values)[shape] == pytest.approx(1 - ((values - fitted) ** 2).sum() / total, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(y=st.lists(st.integers(0, 50), min_size=5, max_size=9, unique=True))
def test_reversing_depth_turns_the_answer_round(y: list[int]) -> None:
    values = np.array(y, dtype=float)
    turned = {"rises": "falls", "falls": "rises"}
    there, back = shape_of(values, 20.0), shape_of(values[::-1], 20.0)
    assert back == turned.get(there, there)


def test_all_orders_of_up_to_seven_layers_are_tried() -> None:
    """Layers that are equal may change places: 3! orders of 720; of seven layers with four equal ones 4! of 5,040."""
    assert rarity(np.array([0, 0, 0, 1.3, 4, 9]), "rises") == pytest.approx(6 / 720)
    assert rarity(np.array([0, 0, 0, 0, 1.0, 3, 9]), "rises") >= 24 / 5040
    assert rarity(np.array([10.0, 23, 32, 32, 32, 32]), "rises") == pytest.approx(24 / 720)


def test_rarity_of_a_strictly_monotone_course_is_one_order_of_all() -> None:
    assert rarity(np.arange(5.0), "rises") == pytest.approx(1 / 120)


def test_tau_is_scipys() -> None:
    y = np.array([3.0, 1, 4, 1, 5, 9, 2, 6])
    assert trend(y, np.tile(y, (2, 1)), 4.0).tau == pytest.approx(kendalltau(range(8), y).statistic)


def test_many_rows_at_once_fit_as_each_alone() -> None:
    rows = np.random.default_rng(3).normal(20, 6, (12, 40)).round()
    rows[5] = 3.0  # nothing varies
    together = fits(rows)
    for shape, found in together.items():
        assert found.tolist() == [float(fits(row)[shape]) for row in rows]
    assert together["rises"][5] == 0
