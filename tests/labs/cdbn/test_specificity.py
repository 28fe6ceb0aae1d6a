"""Specificity of single features."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from layercensus.labs.cdbn.specificity import area, information, specificity


@pytest.mark.parametrize("levels", [3, 1000])
def test_the_area_is_that_of_scikit_learn_with_ties_and_with_resampled_images(levels):
    rng = np.random.default_rng(levels)
    responded, of_class = rng.integers(levels, size=50).astype(float), rng.random(50) < 0.3
    rows = rng.integers(50, size=50)
    counts = np.stack([np.ones(50), np.bincount(rows, minlength=50)])
    plain, resampled = area(responded, of_class, counts)
    assert plain == pytest.approx(average_precision_score(of_class, responded))
    assert resampled == pytest.approx(average_precision_score(of_class[rows], responded[rows]))


def test_planted_features_are_specific_and_noise_is_at_chance():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 50)
    noise = rng.random((200, 30))
    planted = noise + 2 * (labels == 1)[:, None]
    first, second = specificity([noise, planted], labels == 1, labels, 0)
    assert first.area == pytest.approx(0.27, abs=0.04)
    assert second.area == 1
    assert first.low < first.area < first.high
    assert second.rise[0] > 0.5
    assert first.rise is None


def test_information_of_a_feature_that_names_the_class_is_its_entropy():
    labels = np.repeat(np.arange(4), 40)
    named, noise = labels[:, None].astype(float), np.random.default_rng(0).random((160, 20))
    told, nothing = information(named, labels, 0), information(noise, labels, 0)
    assert told.mutual == pytest.approx(2)
    assert told.conditional == pytest.approx(0)
    assert told.entropy == pytest.approx(2)
    assert nothing.mutual == pytest.approx(nothing.chance, abs=0.03)
