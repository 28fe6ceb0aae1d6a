"""Whitening and local contrast normalisation."""

import numpy as np
import pytest
import torch

from layercensus.errors import CensusError
from layercensus.labs.cdbn.whiten import measure, normalised


def pink(seed, side=160):
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) / np.maximum(radius, 1 / side)
    image = np.fft.irfft2(spectrum)
    return torch.from_numpy((image - image.min()) / np.ptp(image)).float()


def slope(image):
    side = image.shape[0]
    power = np.abs(np.fft.fft2(image.numpy() * np.hanning(side)[:, None] * np.hanning(side)[None]))
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    chosen = (radius > 0.04) & (radius < 0.25)
    return np.polyfit(np.log(radius[chosen]), np.log(power[chosen]), 1)[0]


def test_a_falling_spectrum_becomes_flat_and_the_deviation_one():
    images = [pink(seed) for seed in range(3)]
    white = measure(images)(pink(9))
    assert slope(images[0]) < -0.7
    assert abs(slope(white)) < 0.25
    assert float(white.std()) == pytest.approx(1, abs=0.15)


def test_contrast_becomes_the_same_everywhere():
    noise = torch.randn(80, 80, generator=torch.Generator().manual_seed(0))
    uneven = noise * torch.linspace(1, 4, 80).square()
    even = normalised(uneven)
    left, right = even[:, 10:30].std(), even[:, 50:70].std()
    assert float(right / left) < 0.7 * float(uneven[:, 50:70].std() / uneven[:, 10:30].std())


@pytest.mark.parametrize(("height", "width"), [(20, 33), (64, 64), (7, 90)])
def test_images_keep_their_size(height, width):
    assert measure([pink(0)])(torch.rand(height, width)).shape == (height, width)


def test_images_without_contrast_are_refused():
    with pytest.raises(CensusError, match=r"^Whitening must be measured on at least one image\. Got none\.$"):
        measure([])
    with pytest.raises(CensusError, match=r"with some contrast\. Got images of one grey each\.$"):
        measure([torch.zeros(70, 70)])
