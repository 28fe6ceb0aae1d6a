"""Completion: half of an image is hidden, and what the stack expects there is compared with what was there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .infer import Inference, infer
from .nets import Stack

HALVES = ("left", "right", "top", "bottom")
SWEEPS = 10
RESAMPLES = 2000


@dataclass(frozen=True)
class Completion:
    """Mean squared errors on the hidden half over held-out images. gain: without less with, paired."""

    half: str
    images: int
    without: float  # from below only
    with_top: float  # with the top-down term
    average: float  # the mean of the training images in its place
    gain: float
    low: float  # 95 % bootstrap interval of the gain over images
    high: float
    better: float  # fraction of images whose error is lower with the top-down term


@dataclass(frozen=True)
class Completed:
    """The pictures. Each (images, 1, height, width)."""

    given: Tensor  # with the hidden half black
    without: Tensor
    with_top: Tensor


def hidden_half(images: Tensor, half: str) -> Tensor:
    """True where the image is given: (images, channels, height, width)."""
    height, width = images.shape[-2:]
    known = torch.ones_like(images, dtype=torch.bool)
    rows = {"top": slice(0, height // 2), "bottom": slice(height // 2, None)}.get(half, slice(None))
    columns = {"left": slice(0, width // 2), "right": slice(width // 2, None)}.get(half, slice(None))
    known[..., rows, columns] = False
    return known


def complete(stack: Stack, images: Tensor, half: str, sweeps: int = SWEEPS) -> Completed:
    """The images with one half inferred, with and without the top-down term."""
    known = hidden_half(images, half)
    given = torch.where(known, images, torch.zeros_like(images))
    visible = [infer(stack, given, Inference(sweeps, top), known).visible for top in (False, True)]
    return Completed(given, *visible)


def compare(completed: Completed, images: Tensor, average: Tensor, half: str, seed: int) -> Completion:
    """Errors of both, paired by image, beside those of the training images' mean (1, height, width)."""
    known = hidden_half(images, half)
    shape = completed.with_top.shape
    images, known = images[..., : shape[-2], : shape[-1]], known[..., : shape[-2], : shape[-1]]

    def errors(guess: Tensor) -> Tensor:
        squared = ((guess - images).square() * ~known).sum((1, 2, 3))
        return squared / (~known).sum((1, 2, 3))

    without, with_top = errors(completed.without), errors(completed.with_top)
    flat = errors(average[..., : shape[-2], : shape[-1]].expand_as(images))
    gain = (without - with_top).double().cpu().numpy()
    rng = np.random.default_rng(seed)
    replicates = gain[rng.integers(len(gain), size=(RESAMPLES, len(gain)))].mean(1)
    low, high = (float(q) for q in np.quantile(replicates, (0.025, 0.975)))
    first, second, third = (float(each.mean()) for each in (without, with_top, flat))
    return Completion(
        half, len(images), first, second, third, float(gain.mean()), low, high, float((gain > 0).mean())
    )  # fmt: skip
