"""Fits of Gabor functions."""

import numpy as np
import pytest

from layercensus.labs.cdbn.gabor import fit


def planted(orientation, frequency, phase, side=10):
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    along = rows * np.cos(orientation) + columns * np.sin(orientation)
    return np.exp(-(rows**2 + columns**2) / 12) * np.cos(2 * np.pi * frequency * along + phase)


@pytest.mark.parametrize(("orientation", "frequency", "phase"), [(0.3, 0.15, 0), (1.5, 0.2, 1.5), (2.6, 0.1, 3)])
def test_a_gabor_function_is_found(orientation, frequency, phase):
    found = fit(0.02 * planted(orientation, frequency, phase))
    assert found.r2 > 0.99
    assert found.frequency == pytest.approx(frequency, abs=0.03)


def test_noise_is_not_one():
    rng = np.random.default_rng(0)
    assert np.median([fit(rng.standard_normal((10, 10))).r2 for _ in range(5)]) < 0.5


def test_an_empty_filter_has_nothing_to_explain():
    assert fit(np.zeros((6, 6))).r2 <= 1
