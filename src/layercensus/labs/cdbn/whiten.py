"""Pre-processing of images: whitening by the spectrum that the caller names own, then local contrast normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import CensusError

PATCH = 64  # side of the patches that the spectrum is measured on
RINGS = 32  # radial frequencies, 0 to half a cycle per pixel
CUT = 0.4  # cycles per pixel above which the gain falls: the corners of the spectrum are noise (Olshausen & Field 1997)
MARGIN = 24  # pixels by which an image is mirrored at its edges
SPREAD = 4.0  # pixels; standard deviation of the neighbourhood whose contrast is normalised


@dataclass(frozen=True)
class Whitening:
    """What each frequency is multiplied with. Its last step makes the standard deviation 1 on the measured images."""

    gain: tuple[float, ...]  # at the radial frequencies k / (2 (RINGS - 1)) cycles per pixel
    scale: float = 1.0

    def __call__(self, image: Tensor) -> Tensor:
        """(height, width) grey, any range -> the same size, whitened, contrast normalised."""
        flat = nn.functional.pad(image[None, None], (_margin(image),) * 4, mode="reflect")[0, 0]
        flat = flat - flat.mean()
        spectrum = torch.fft.rfft2(flat) * self._gain(tuple(flat.shape)).to(flat)
        edge = _margin(image)
        white = torch.fft.irfft2(spectrum, s=tuple(flat.shape))
        return self.scale * normalised(white)[edge : edge + image.shape[0], edge : edge + image.shape[1]]

    def _gain(self, shape: tuple[int, ...]) -> Tensor:
        rows, columns = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
        radius = np.hypot(rows, columns)
        known = np.linspace(0, 0.5, RINGS)
        return torch.from_numpy(np.interp(radius, known, self.gain) * np.exp(-((radius / CUT) ** 4)))


def measure(images: Sequence[Tensor], seed: int = 0, patches: int = 400) -> Whitening:
    """The whitening whose gain is 1 / the mean amplitude of random patches, by radial frequency.

    images: (height, width) grey. Smaller ones than a patch are mirrored at their edges.

    Raises:
        CensusError: there is no image, or none with any contrast.
    """
    if not images:
        raise CensusError("Whitening must be measured on at least one image. Got none.")
    rng = np.random.default_rng(seed)
    amplitude = np.zeros(RINGS)
    for _ in range(patches):
        amplitude += _amplitudes(_patch(images[int(rng.integers(len(images)))].numpy(), rng))
    if not amplitude.max() > 0:
        raise CensusError("Whitening must be measured on images with some contrast. Got images of one grey each.")
    amplitude = np.maximum(amplitude / amplitude.max(), 1e-4)
    gain = tuple(float(g) for g in 1 / amplitude * amplitude[1:].min())
    raw = Whitening(gain)
    some = [raw(image) for image in list(images)[:50]]
    deviation = torch.cat([s.flatten() for s in some]).std()
    return Whitening(gain, float(1 / deviation))


def normalised(image: Tensor) -> Tensor:
    """Less its local mean, divided by its local standard deviation, but never by less than that of all the image."""
    centred = image - _blurred(image)
    local = _blurred(centred.square()).sqrt()
    return centred / torch.maximum(local, local.mean()).clamp_min(1e-8)


def _blurred(image: Tensor) -> Tensor:
    half = min(int(3 * SPREAD), min(image.shape) - 1)
    kernel = torch.exp(-torch.arange(-half, half + 1, dtype=image.dtype).square() / (2 * SPREAD**2))
    kernel = (kernel / kernel.sum())[None, None]
    padded = nn.functional.pad(image[None, None], (half,) * 4, mode="reflect")
    across = nn.functional.conv2d(padded, kernel[..., None, :])
    return nn.functional.conv2d(across, kernel[..., None])[0, 0]


def _margin(image: Tensor) -> int:
    return min(MARGIN, min(image.shape) - 1)


def _patch(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    short = [max(0, PATCH - side) for side in image.shape]
    image = np.pad(image, [(0, s) for s in short], mode="symmetric")
    top, left = (int(rng.integers(side - PATCH + 1)) for side in image.shape)
    return image[top : top + PATCH, left : left + PATCH]


def _amplitudes(patch: np.ndarray) -> np.ndarray:
    window = np.hanning(PATCH)
    spectrum = np.abs(np.fft.fft2((patch - patch.mean()) * window[:, None] * window[None]))
    radius = np.hypot(np.fft.fftfreq(PATCH)[:, None], np.fft.fftfreq(PATCH)[None])
    ring = np.minimum(np.round(radius * 2 * (RINGS - 1)).astype(int), RINGS - 1)
    means: np.ndarray = np.bincount(ring.ravel(), spectrum.ravel(), RINGS) / np.bincount(ring.ravel(), minlength=RINGS)
    return means
