"""What the net is given, as numbers that concepts could be read from without it."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

from ..data.batch import Batch, tensors
from .sets import Places
from .tags import tokens_of

SIDE = 16  # pixels that pictures are averaged to
FINE = 32  # where a patch of one is taken
PATCH = 5  # pixels of its side
FEATURES = 1024  # at most


def of_examples(batch: Batch, kind: str) -> Tensor:
    """(examples, features) float32: pixels averaged to 16 x 16, how often each token is there, or features."""
    if kind == "tokens":
        tokens = tokens_of(batch)
        mask = torch.ones_like(tokens, dtype=torch.bool) if batch.mask is None else batch.mask
        return torch.zeros(len(tokens), FEATURES).scatter_add_(1, _bucket(tokens), mask.float())
    x = tensors(batch.inputs)[0].float()
    if kind == "images":
        x = torch.nn.functional.adaptive_avg_pool2d(x, (min(SIDE, x.shape[2]), min(SIDE, x.shape[3])))
    return _few(x.flatten(1))


def _few(x: Tensor) -> Tensor:
    """The features, or as many seeded random mixtures of them."""
    if x.shape[1] <= FEATURES:
        return x
    mix = torch.randn(x.shape[1], FEATURES, generator=torch.Generator().manual_seed(0))
    return x @ mix / sqrt(x.shape[1])


def at_places(batch: Batch, places: Places, kind: str) -> Tensor:
    """(examples, spots, features) float32: the patch of 5 x 5 pixels around a position, or which token stands there."""
    if kind == "tokens":
        bucket = _bucket(tokens_of(batch).gather(1, places.index.clamp(min=0)))
        return torch.zeros(*bucket.shape, FEATURES).scatter_(2, bucket[..., None], 1.0)
    x = tensors(batch.inputs)[0].float()
    size = (min(FINE, x.shape[2]), min(FINE, x.shape[3]))
    x = torch.nn.functional.adaptive_avg_pool2d(x, size)
    patches = torch.nn.functional.unfold(x, PATCH, padding=PATCH // 2)  # (examples, features, pixels)
    index = places.index.clamp(min=0)
    down, across = index // places.grid[1], index % places.grid[1]
    row, column = (
        ((at + 0.5) / of * size[axis]).long()
        for axis, (at, of) in enumerate(zip((down, across), places.grid, strict=True))
    )
    at = (row * size[1] + column)[:, None].expand(-1, patches.shape[1], -1)
    found: Tensor = patches.gather(2, at).transpose(1, 2)
    return found


def _bucket(tokens: Tensor) -> Tensor:
    """Token ids as numbers below FEATURES: some share one where there are more."""
    return (tokens.long() * 40503) % 65521 % FEATURES
