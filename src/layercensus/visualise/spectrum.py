"""How strong each frequency of an image may be: as in natural images, of which those of the data are the measure."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .input_space import InputSpace, frequencies

BANDS = 12  # of frequencies, from one cycle an image to the highest, each as wide as the last on a log axis
STRONG = 1.5  # times the data's amplitude that every band has at most
WEAK = 0.7  # of that, which every band has at least
STEEPER = -0.15  # exponent by which amplitudes fall faster than the data's: the sigmoid behind adds high frequencies
AMPLITUDE, SLOPE = 0.12, -1.25  # of natural images without data: mean amplitude at 1 cycle a pixel, and its exponent
# AMPLITUDE and SLOPE: of the 20 photographs of ImageNet in PyPI's foolbox, at 224 pixels, along NATURAL's colours


class Spectrum:
    """Holds the amplitudes of Fourier coefficients of logits in bands, between WEAK and 1 times a limit.

    The limit is STRONG times the data's amplitude in the same band and direction of colour. Within a band, and in all
    phases, an image is free. It has then the slope and the colours of the data: it
    cannot be burnt, nor made of the finest detail alone. Amplitudes are those of `InputSpace.magnitude`.

    patch: side in pixels of the patches that a transformer cuts images into. The frequencies of that grid are held to
    what the data have of them, so that no grid shows.
    """

    def __init__(self, space: InputSpace, device: torch.device | str = "cpu", patch: int | None = None) -> None:
        _, h, w = space.shape
        self._pixels = h * w
        f = frequencies(h, w)
        edges = torch.from_numpy(np.geomspace(1 / max(h, w), 0.5, BANDS + 1)).float() * 0.999
        self._band = torch.bucketize(f, edges, right=True).clamp(max=BANDS)  # 0: the mean
        if patch is not None:  # frequencies of the grid make bands of their own
            self._band = self._band + (BANDS + 1) * on_grid(h, w, patch)
        twice = torch.full_like(f, 2.0)  # coefficients that stand for two, since a real image has both
        twice[:, 0] = 1
        if w % 2 == 0:
            twice[:, -1] = 1
        self._twice = twice
        least = f.clamp(min=1 / max(h, w))
        natural = (AMPLITUDE * least**SLOPE).expand(space.shape[0], h, w // 2 + 1)
        amplitude = natural if space.magnitude is None else space.magnitude
        steeper = (least * max(h, w) / 8) ** STEEPER
        strong = torch.where(f == 0, 1.0, STRONG * steeper)
        self._limit = self._energy((amplitude * strong)[None])[0].clamp(min=1e-30)  # (channels, bands)
        self._band, self._twice, self._limit = (t.to(device) for t in (self._band, self._twice, self._limit))

    def hold(self, z: Tensor, scale: Tensor) -> None:
        """Change coefficients (images, channels, height, width // 2 + 1, 2) in place; scale: what each is times."""
        amplitude = torch.view_as_complex(z.contiguous()).abs() * scale / math.sqrt(self._pixels)
        ratio = (self._energy(amplitude) / self._limit).clamp(min=1e-20).sqrt()
        gain = ratio.clamp(WEAK, 1.0) / ratio
        z.mul_(gain[:, :, self._band.flatten()].view(*gain.shape[:2], *self._band.shape, 1))

    def _energy(self, amplitude: Tensor) -> Tensor:
        """(images, channels, bands) of (images, channels, height, width // 2 + 1)."""
        total = amplitude.new_zeros(*amplitude.shape[:2], 2 * (BANDS + 1))
        energy = (amplitude.square() * self._twice).flatten(2)
        return total.index_add_(2, self._band.flatten(), energy)


def on_grid(h: int, w: int, patch: int) -> Tensor:
    """(height, width // 2 + 1): 1 where a coefficient repeats with a grid of patches along either axis, else 0.

    >>> on_grid(8, 8, 4)[0].tolist()
    [0, 0, 1, 0, 1]
    """
    y, x = (torch.fft.fftfreq(h) * patch).abs()[:, None], (torch.fft.rfftfreq(w) * patch)[None]
    whole = [((f - f.round()).abs() < 1e-6) & (f.round() > 0) for f in (y, x)]
    out: Tensor = (whole[0] | whole[1]).long()
    return out
