"""Completion: half of an image is hidden, and what the stack expects there is compared with what was there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .infer import Inference, infer
from .joint import Chain, sample_joint
from .nets import Stack

HALVES = ("left", "right", "top", "bottom")
SWEEPS = 10
RESAMPLES = 2000
CHAIN = Chain()
Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Completion:
    """Mean squared errors on the hidden half over held-out images. gain: without less with, paired."""

    half: str
    images: int
    without: float  # from below only
    with_top: float  # with the top-down term
    sampled: float  # mean of joint samples of all layers
    sampled_first: float  # mean of samples of the first layer alone
    average: float  # the mean of the training images in its place
    gain: float
    low: float  # 95 % bootstrap interval of the gain over images
    high: float
    better: float  # fraction of images whose error is lower with the top-down term
    best: str  # which of the four has the least error
    over_average: float  # error of the training images' mean less the best's, paired: above 0 the net is better
    over_low: float  # 95 % bootstrap interval over images
    over_high: float


@dataclass(frozen=True)
class Completed:
    """The pictures. Each (images, 1, height, width)."""

    given: Tensor  # with the hidden half black
    without: Tensor
    with_top: Tensor
    sampled: Tensor
    sampled_first: Tensor


WAYS = ("without", "with_top", "sampled", "sampled_first")  # fields of both


def hidden_half(images: Tensor, half: str) -> Tensor:
    """True where the image is given: (images, channels, height, width)."""
    height, width = images.shape[-2:]
    known = torch.ones_like(images, dtype=torch.bool)
    rows = {"top": slice(0, height // 2), "bottom": slice(height // 2, None)}.get(half, slice(None))
    columns = {"left": slice(0, width // 2), "right": slice(width // 2, None)}.get(half, slice(None))
    known[..., rows, columns] = False
    return known


def complete(stack: Stack, images: Tensor, half: str, sweeps: int = SWEEPS, chain: Chain = CHAIN) -> Completed:
    """The images with one half inferred: by mean field without and with the top-down term, and by sampling."""
    known = hidden_half(images, half)
    given = torch.where(known, images, torch.zeros_like(images))
    visible = [infer(stack, given, Inference(sweeps, top), known).visible for top in (False, True)]
    drawn = [sample_joint(net, given, chain, known).mean for net in (stack, Stack(stack.crbms[:1]))]
    return Completed(given, *visible, *drawn)


def compare(completed: Completed, images: Tensor, average: Tensor, half: str, seed: int) -> Completion:
    """Errors of all, paired by image, beside those of the training images' mean (1, height, width)."""
    known = hidden_half(images, half)
    shape = completed.with_top.shape
    images, known = images[..., : shape[-2], : shape[-1]], known[..., : shape[-2], : shape[-1]]

    def errors(guess: Tensor) -> Rows:
        squared = ((guess - images).square() * ~known).sum((1, 2, 3))
        of_images: Rows = (squared / (~known).sum((1, 2, 3))).double().cpu().numpy()
        return of_images

    off = {way: errors(getattr(completed, way)) for way in WAYS}
    flat = errors(average[..., : shape[-2], : shape[-1]].expand_as(images))
    best = min(WAYS, key=lambda way: float(off[way].mean()))
    gain, over = off["without"] - off["with_top"], flat - off[best]
    (low, high), (over_low, over_high) = _interval(gain, seed), _interval(over, seed)
    return Completion(
        half, len(images), average=float(flat.mean()), gain=float(gain.mean()), low=low, high=high,
        better=float((gain > 0).mean()), best=best, over_average=float(over.mean()), over_low=over_low,
        over_high=over_high, **{way: float(off[way].mean()) for way in WAYS},
    )  # fmt: skip


def _interval(values: Rows, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    replicates = values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(1)
    low, high = np.quantile(replicates, (0.025, 0.975))
    return float(low), float(high)
