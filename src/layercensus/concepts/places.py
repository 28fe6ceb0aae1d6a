"""Where in an example the positions lie that are read of a layer's map."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor

from ..data.batch import Batch
from ..layers.layer import Layer
from ..tally import spot_indices
from .sets import Places
from .tags import length_of

EXAMPLES = "examples"  # the place of concepts of whole examples
TOKENS = "tokens"


@dataclass(frozen=True)
class Map:
    """The form of a layer's map: height and width, behind so many positions with no place; or none for tokens."""

    grid: tuple[int, ...] = ()
    before: int = 0

    @property
    def place(self) -> str:
        """Its name."""
        return TOKENS if not self.grid else "x".join(map(str, self.grid)) + (f"+{self.before}" if self.before else "")

    def of(self, batch: Batch, draws: Tensor) -> Places:
        """The positions that are read of these examples; draws: (examples, spots) in [0, 1)."""
        rows = torch.arange(len(batch.ids))
        if not self.grid:
            length = length_of(batch)
            return Places(spot_indices(length, rows, draws, batch.mask), (length,))
        index = spot_indices(self.grid[0] * self.grid[1] + self.before, rows, draws, None) - self.before
        return Places(index.clamp(min=-1), self.grid)


def map_of(layer: Layer, kind: str, tokens: int | None) -> Map | None:
    """The map of a layer of a net that is given images or tokens; None where its positions have no place in them.

    A sequence in a net of images is a square grid, behind a class token where it is one longer. tokens: positions of
    every example; None where their number differs, and a mask that fits the layer says which count.
    """
    at = layer.unit_axis - 1 if layer.unit_axis > 0 else layer.unit_axis
    sizes = list(layer.shape)
    del sizes[at]
    if kind == "images" and len(sizes) == 2:
        return Map((sizes[0], sizes[1]))
    if kind == "images" and len(sizes) == 1:
        for before in (0, 1):
            side = isqrt(max(0, sizes[0] - before))
            if side > 1 and side * side + before == sizes[0]:
                return Map((side, side), before)
    return Map() if kind == "tokens" and len(sizes) == 1 and tokens in (None, sizes[0]) else None
