"""Fits of Gabor functions."""

import numpy as np
import pytest

from layercensus.labs.cdbn.gabor import fit, is_edge


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


def test_what_shows_nothing_or_has_no_orientation_is_no_edge():
    rows, columns = np.mgrid[:10, :10] - 4.5
    assert fit(np.zeros((6, 6))).r2 == 0
    assert fit(np.full((6, 6), 0.3)).r2 == 0
    blob = fit(np.exp(-(rows**2 + columns**2) / 8))
    assert blob.r2 > 0.9
    assert not is_edge(blob, 10)
    assert not is_edge(fit(rows), 10)  # a ramp is not localised
    assert is_edge(fit(planted(0.7, 0.15, 1)), 10)
