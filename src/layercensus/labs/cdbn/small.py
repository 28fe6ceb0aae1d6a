"""Small images, all in memory: batches of them, and what a layer makes of them."""

from __future__ import annotations

import torch
from torch import Tensor

from .crbm import Crbm
from .train import Batches


def batches(images: Tensor, size: int) -> Batches:
    """Random rows of (images, channels, height, width), with replacement."""

    def batch(generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(images), (size,), generator=generator)
        return images[rows.to(images.device)]

    return batch


@torch.no_grad()
def pooled(layer: Crbm, images: Tensor, size: int = 200) -> Tensor:
    """The layer's pooling units for all images: (images, units, height, width)."""
    parts = images.split(size)  # type: ignore[no-untyped-call]
    return torch.cat([layer.hidden(layer.fit(part))[1] for part in parts])
