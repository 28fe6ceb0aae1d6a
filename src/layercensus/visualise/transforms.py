"""Images moved, turned, scaled and tinted a little before the net sees them, so that no pixel grid matters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .rng import Rng

REFERENCE = 224  # side for which the amounts of shifts are given; they shrink and grow with the image


@dataclass(frozen=True)
class Robustness:
    """Random changes of every step, another for each image.

    jitter: the most that it moves either way, in pixels of an image of 224. scales: factors to choose from. rotation:
    the most degrees. colour: standard deviation of a tint of the whole image, on 0..1. noise: of every pixel. What
    moves into the image has its mean colour.

    Shifts, turns and logarithms of scales come in pairs of opposite sign, one step after the other, so that an image
    does not drift however few the steps.
    """

    jitter: float = 0.0
    scales: tuple[float, ...] = (1.0,)
    rotation: float = 0.0
    colour: float = 0.0
    noise: float = 0.0


NONE = Robustness()
ARTICLE = Robustness(jitter=16, scales=(1, 0.975, 1.025, 0.95, 1.05), rotation=5)  # Olah et al. 2017


class Transforms:
    """The random changes of one run: the same for the same seeds."""

    def __init__(self, amounts: Robustness, side: tuple[int, int], rng: Rng, fill: Tensor) -> None:
        self.amounts, self._side, self._rng = amounts, side, rng
        self._fill = fill.view(-1, 1, 1)
        self._last: tuple[Tensor, Tensor, Tensor] | None = None

    def __call__(self, x: Tensor, strength: float = 1.0) -> Tensor:
        """(images, channels, height, width) -> the same shape. strength: of shifts, turns and scales."""
        amounts = self.amounts
        if amounts.colour:
            x = x + self._rng.normal(x.shape[1], 1, 1).to(x.device) * amounts.colour
        if amounts.noise:
            x = x + self._rng.normal(*x.shape[1:]).to(x.device) * amounts.noise
        if not (amounts.jitter or amounts.rotation or len(amounts.scales) > 1):
            return x
        shift, turn, scale = self.next_move()
        if strength < 1:
            shift, turn, scale = (shift * strength).round(), turn * strength, scale**strength
        return moved(x, shift, turn, scale, self._fill)

    def next_move(self) -> tuple[Tensor, Tensor, Tensor]:
        """Shifts (images, 2) in whole pixels, turns (images,) in radians, scales (images,)."""
        if self._last is not None:
            shift, turn, log = self._last
            self._last = None
            return -shift, -turn, torch.exp(-log)
        rng, most = self._rng, jitter_of(self.amounts.jitter, self._side)
        shift = torch.stack([rng.integers(-m, m) for m in most], 1).float()
        turn = (rng.uniform() * 2 - 1) * math.radians(self.amounts.rotation)
        scales = torch.tensor(self.amounts.scales).log()
        log = scales[rng.integers(0, len(scales) - 1)]
        self._last = shift, turn, log
        return shift, turn, torch.exp(log)


def jitter_of(amount: float, side: tuple[int, int]) -> tuple[int, int]:
    """Pixels that an image of this size may move along each axis; at least one where it may move at all."""
    if amount <= 0:
        return 0, 0
    down, right = (max(1, round(amount * n / REFERENCE)) for n in side)
    return down, right


def moved(x: Tensor, shift: Tensor, turn: Tensor, scale: Tensor, fill: Tensor, shear: Tensor | None = None) -> Tensor:
    """Each image shifted (down, right in pixels), turned, scaled and sheared about its middle; `fill` beyond it.

    A whole-pixel shift alone moves pixels as they are; anything else reads between them (bilinear).
    """
    n, _, h, w = x.shape
    cos, sin = torch.cos(turn) / scale, torch.sin(turn) / scale
    lean = torch.zeros(n) if shear is None else shear
    theta = torch.zeros(n, 2, 3)  # where each output pixel is read, in halves of a side
    theta[:, 0, 0], theta[:, 0, 1] = cos, (-sin + lean) * h / w
    theta[:, 1, 0], theta[:, 1, 1] = sin * w / h, cos
    theta[:, 0, 2], theta[:, 1, 2] = -2 * shift[:, 1] / w, -2 * shift[:, 0] / h
    grid = F.affine_grid(theta.to(x.device, x.dtype), [n, 1, h, w], align_corners=False)
    fill = fill.to(x.device, x.dtype)
    return F.grid_sample(x - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + fill
