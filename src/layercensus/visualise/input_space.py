"""What images for a net are made of: their size, what black and white are, and how the given images look."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.batch import Batch, tensors
from ..data.source import Source
from ..errors import CensusError
from ..models.prepare import Prepare

FLAT = 1e-3  # standard deviation that every direction of colour has at least
# Colour statistics of ImageNet as square root of the covariance of pixels in 0..1, from lucid's param/color.py
# (Google, Apache-2.0; Olah et al. 2017): used where a net of three channels is visualised without data, or with few.
FEW = 20  # images below which their own colours say little
NATURAL = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
NATURAL_MEAN = (0.48, 0.46, 0.41)


@dataclass(frozen=True)
class InputSpace:
    """What an image of 0..1 is for the net, and what such images look like in the given data.

    shape: (channels, height, width). low, high: (channels,) values that the net is given for 0 and 1. mean: (channels,)
    mean colour on 0..1. colour: (channels, channels), its columns the directions in which pixels vary, as long as the
    standard deviation. magnitude: (channels, height, width // 2 + 1) mean amplitude of the Fourier coefficients of the
    logits of the images along these directions, None without images. slope: of log amplitude over log frequency, NaN
    without images. norm: mean distance of an image from the mean colour on 0..1, NaN without images.
    """

    shape: tuple[int, int, int]
    low: Tensor
    high: Tensor
    mean: Tensor
    colour: Tensor
    magnitude: Tensor | None
    slope: float
    norm: float
    source: str  # where it is from, in words

    def to_net(self, x: Tensor) -> Tensor:
        """Images (..., channels, height, width) in 0..1 as the net takes them."""
        low, high = (v.to(x.device, x.dtype).view(-1, 1, 1) for v in (self.low, self.high))
        return low + x * (high - low)

    def from_net(self, x: Tensor) -> Tensor:
        """The way back."""
        low, high = (v.to(x.device, x.dtype).view(-1, 1, 1) for v in (self.low, self.high))
        return (x - low) / (high - low)

    def resized(self, side: tuple[int, int]) -> InputSpace:
        """For images of another size; the spectrum's magnitudes are read off at the new frequencies."""
        if side == self.shape[1:]:
            return self
        magnitude = None if self.magnitude is None else _resampled(self.magnitude, self.shape[1:], side)
        scale = math.sqrt(math.prod(side) / math.prod(self.shape[1:]))
        return InputSpace(
            (self.shape[0], *side), self.low, self.high, self.mean, self.colour, magnitude, self.slope,
            self.norm * scale, self.source,
        )  # fmt: skip


def input_space_of(source: Source, batches: Sequence[Batch]) -> InputSpace:
    """The input space of the given images, from some of them.

    Raises:
        CensusError: the data are no images, or not all of one size.
    """
    if source.kind != "images":
        raise CensusError(refusal(source.kind))
    x = images_of(source, batches)
    if float(x.max()) == float(x.min()):
        raise CensusError(
            f"Images must vary to optimise images like them. {source.name} holds one value, {float(x.min()):g}."
        )
    low, high = _range(x, source.prepare)
    shape = (int(x.shape[1]), int(x.shape[2]), int(x.shape[3]))
    x = ((x - low.view(-1, 1, 1)) / (high - low).view(-1, 1, 1)).clamp(0, 1)
    mean, colour = _colours(x)
    few = len(x) < FEW and shape[0] == 3
    colour = torch.tensor(NATURAL) if few else colour
    origin = f"{len(x)} images of {source.name}" + (" (ImageNet's colours: they are few)" if few else "")
    magnitude = _magnitude(x, mean, colour)
    norm = float((x - mean.view(-1, 1, 1)).flatten(1).norm(dim=1).mean())
    return InputSpace(shape, low, high, mean, colour, magnitude, slope(x), norm, origin)


def input_space_without_data(shape: tuple[int, ...], prepare: Prepare | None) -> InputSpace:
    """The input space of a net that is visualised without data: natural colours for three channels, plain ones else."""
    if len(shape) != 3:
        raise CensusError(refusal("arrays" if len(shape) == 1 else "signals" if len(shape) == 2 else "tokens"))
    channels = shape[0]
    low, high = torch.zeros(channels), torch.ones(channels)
    if prepare is not None and prepare.mean and prepare.std and len(prepare.mean) == channels:
        mean, std = torch.tensor(prepare.mean), torch.tensor(prepare.std)
        low, high = (0 - mean) / std, (1 - mean) / std
    natural = channels == 3
    colour = torch.tensor(NATURAL) if natural else torch.eye(channels) * 0.25
    grey = torch.tensor(NATURAL_MEAN) if natural else torch.full((channels,), 0.5)
    origin = "natural images (ImageNet's colours)" if natural else "no images"
    whole = (channels, int(shape[1]), int(shape[2]))
    return InputSpace(whole, low, high, grey, colour, None, float("nan"), float("nan"), origin)


def images_of(source: Source, batches: Sequence[Batch]) -> Tensor:
    """(examples, channels, height, width) as the net takes them.

    Raises:
        CensusError: they are no images, or not all of one size.
    """
    inputs = [tensors(batch.inputs)[0].float().cpu() for batch in batches]
    if not inputs or inputs[0].ndim != 4:
        raise CensusError(f"data must hold images to optimise images like them. Got none from {source.name}.")
    if len({x.shape[1:] for x in inputs}) > 1:
        raise CensusError("Images must be of one size to optimise images like them. Give images of one size.")
    return torch.cat(inputs)


def slope(x: Tensor) -> float:
    """Slope of log amplitude over log frequency, from 1 cycle an image to half the sampling rate; natural ones: -1.

    x: (images, channels, height, width). Amplitudes are means over images, channels and directions (Field 1987).
    """
    h, w = x.shape[-2:]
    x = (x - x.mean((-2, -1), keepdim=True)) * _window(h, w)
    power = torch.fft.rfft2(x.double()).abs().square().mean((0, 1))
    f = frequencies(h, w)
    edges = np.geomspace(1 / max(h, w), 0.5, max(4, min(12, min(h, w) // 2)) + 1)
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = (f >= low * 0.999) & (f < high)
        if bool(inside.any()):
            rows.append((math.log(float(f[inside].mean())), 0.5 * math.log(float(power[inside].mean()) + 1e-30)))
    if len(rows) < 3 or float(power.sum()) < 1e-12:
        return float("nan")
    logs, amplitudes = np.array(rows).T
    return float(np.polyfit(logs, amplitudes, 1)[0])


def _window(h: int, w: int) -> Tensor:
    """Lets images fade towards their edges, whose jump from one to the other is no part of them."""
    return torch.outer(torch.hann_window(h, periodic=False) + 1e-3, torch.hann_window(w, periodic=False) + 1e-3)


def frequencies(h: int, w: int) -> Tensor:
    """(height, width // 2 + 1): cycles per pixel of every coefficient of a real Fourier transform."""
    return torch.sqrt(torch.fft.fftfreq(h)[:, None] ** 2 + torch.fft.rfftfreq(w)[None] ** 2)


def _range(x: Tensor, prepare: Prepare | None) -> tuple[Tensor, Tensor]:
    channels = x.shape[1]
    if prepare is not None and prepare.mean and prepare.std and len(prepare.mean) == channels:
        mean, std = torch.tensor(prepare.mean), torch.tensor(prepare.std)
        return (0 - mean) / std, (1 - mean) / std
    low, high = float(x.min()), float(x.max())
    if low >= 0 and high <= 1 and high > 0:
        return torch.zeros(channels), torch.ones(channels)
    if channels in (1, 3):
        return torch.full((channels,), low), torch.full((channels,), high)
    lows, highs = x.amin((0, 2, 3)), x.amax((0, 2, 3))  # channels of their own units
    return lows, torch.where(highs > lows, highs, lows + lows.abs().clamp(min=1))


def _colours(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean colour, and the square root of the covariance of pixels by its eigenvectors."""
    pixels = x.transpose(0, 1).flatten(1).double()
    mean = pixels.mean(1)
    centred = pixels - mean[:, None]
    values, vectors = torch.linalg.eigh(centred @ centred.T / pixels.shape[1])
    order = values.argsort(descending=True)
    deviations = values[order].clamp(min=0).sqrt().clamp(min=FLAT)
    return mean.float(), (vectors[:, order] * deviations).float()


def _magnitude(x: Tensor, mean: Tensor, colour: Tensor) -> Tensor:
    """Mean amplitude along the directions of colour of what goes into the sigmoid of an image."""
    logits = torch.logit(x, 0.02) - torch.logit(mean, 0.02).view(-1, 1, 1)
    along = torch.einsum("dc,nchw->ndhw", torch.linalg.inv(directions(colour)), logits)
    out: Tensor = torch.fft.rfft2(along, norm="ortho").abs().mean(0)
    return out


def directions(colour: Tensor) -> Tensor:
    """The directions of colour relative to the longest of their rows, so that the parameters' unit means the same."""
    out: Tensor = colour / colour.norm(dim=0).max()
    return out


def _resampled(magnitude: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Amplitudes at the frequencies of another size. Frequencies per image differ, those per pixel are kept."""
    fy = torch.fft.fftfreq(new[0])
    fx = torch.fft.rfftfreq(new[1])
    rows = (fy * old[0]).round().long().clamp(-(old[0] // 2), (old[0] - 1) // 2) % old[0]
    columns = (fx * old[1]).round().long().clamp(0, magnitude.shape[2] - 1)
    return magnitude[:, rows][:, :, columns]


def refusal(kind: str) -> str:
    """Why a net that takes data of this kind gets no images."""
    described = {
        "tokens": "tokens, which have no values in between",
        "arrays": "rows of numbers, in which nothing lies side by side",
        "signals": "signals",
    }.get(kind, kind)
    return f"Images can be optimised for nets that take images (channels, height, width). This one takes {described}."
