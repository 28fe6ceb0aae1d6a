"""What is optimised in place of pixels, so that some images are easier to reach than others."""

from __future__ import annotations

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from .input_space import InputSpace, directions, frequencies
from .rng import Rng
from .spectrum import Spectrum

NATURAL = "natural"  # contrast: as strong as the data in each band of frequencies
FAINT = 0.01  # standard deviation of the coefficients at the start


class Parameters(Protocol):
    """Numbers that stand for images; `tensors` are what the optimiser changes."""

    tensors: list[Tensor]

    def images(self) -> Tensor:
        """(images, channels, height, width) in 0..1, with gradients."""
        ...

    def advance(self) -> None:
        """After each step, without gradients: back to what is allowed."""
        ...


class Pixels:
    """The pixels themselves, kept within 0..1."""

    def __init__(self, start: Tensor) -> None:
        self.tensors = [start.clone().requires_grad_(True)]

    def images(self) -> Tensor:
        return self.tensors[0]

    def advance(self) -> None:
        self.tensors[0].clamp_(0, 1)

    def resize(self, side: tuple[int, int]) -> None:
        """Continue at another resolution."""
        if self.tensors[0].shape[2:] == side:
            return
        with torch.no_grad():
            x = F.interpolate(self.tensors[0], size=side, mode="bilinear", align_corners=False)
        self.tensors = [x.clamp(0, 1).requires_grad_(True)]


class Fourier:
    """Fourier coefficients scaled by 1 / frequency, in uncorrelated colours, behind a sigmoid (Olah et al. 2017).

    A step of equal size on every coefficient then changes low frequencies, and the colours that the data vary in, most.
    The start is faint noise about the data's mean colour. contrast: instead of the sigmoid the image is stretched to
    this fraction of the range, so that only its direction is free: the strongest response to a limited contrast shows
    a pattern in its proportions, an unlimited one only its signs. None: free, as in the article. shared: fields that
    all images have in common, so that what can be alike is (Olah et al. 2017, "Interpolation"). contrast NATURAL: each
    band of frequencies is held to the data's strength (`Spectrum`), from the start on.
    """

    def __init__(
        self, rng: Rng, space: InputSpace, contrast: float | str | None = None, shared: bool = False,
        device: torch.device | str = "cpu", patch: int | None = None,
    ) -> None:  # fmt: skip
        channels, h, w = space.shape
        self._side, self._contrast = (h, w), None if isinstance(contrast, str) else contrast
        f = frequencies(h, w)
        self._scale = (math.sqrt(h * w) / f.clamp(min=1 / max(h, w)) / 4).to(device)
        self._colour = directions(space.colour).to(device)
        self._mean = torch.logit(space.mean, 0.05).view(-1, 1, 1).to(device)
        z = (rng.normal(channels, h, w // 2 + 1, 2) * FAINT).to(device)
        self._spectrum = Spectrum(space, device, patch) if contrast == NATURAL and not shared else None
        if self._spectrum is not None:
            self._spectrum.hold(z, self._scale)
        self.tensors = [z.requires_grad_(True)]
        if shared:
            self.tensors.append(z[:1].detach().clone().requires_grad_(True))

    def images(self) -> Tensor:
        z = torch.view_as_complex(sum(self.tensors[1:], self.tensors[0]).contiguous()) * self._scale
        field = torch.einsum("cd,ndhw->nchw", self._colour, torch.fft.irfft2(z, s=self._side))
        return torch.sigmoid(field + self._mean) if self._contrast is None else _stretched(field, self._contrast)

    def advance(self) -> None:
        if self._spectrum is not None:
            self._spectrum.hold(self.tensors[0], self._scale)


def _stretched(field: Tensor, contrast: float) -> Tensor:
    """Each image's field, without its mean, stretched to a fraction of the range about grey.

    Gradients see the L2 norm as fixed: they turn the field, and cannot make it stronger.
    """
    field = field - field.mean((2, 3), keepdim=True)
    norm = field.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp(min=1e-12)
    values = field.detach()
    low, high = values.amin((1, 2, 3), keepdim=True), values.amax((1, 2, 3), keepdim=True)
    span = (high - low).clamp(min=1e-12)
    out: Tensor = field * (norm.detach() / norm) / span - low / span
    return 0.5 + contrast * (out - 0.5)


class Phases:
    """Phases of Fourier coefficients alone; magnitudes stay those of the given images (MACO, Fel et al. 2023)."""

    def __init__(self, rng: Rng, space: InputSpace) -> None:
        channels, h, w = space.shape
        assert space.magnitude is not None
        self._side, self._magnitude = (h, w), space.magnitude
        self._colour, self._mean = directions(space.colour), torch.logit(space.mean, 0.05).view(-1, 1, 1)
        self.tensors = [((rng.uniform(channels, h, w // 2 + 1) * 2 - 1) * math.pi).requires_grad_(True)]

    def images(self) -> Tensor:
        phase = self.tensors[0]
        z = torch.polar(self._magnitude.expand_as(phase).contiguous(), phase)
        field = torch.fft.irfft2(z, s=self._side, norm="ortho")
        return torch.sigmoid(torch.einsum("cd,ndhw->nchw", self._colour, field) + self._mean)

    def advance(self) -> None:
        pass
