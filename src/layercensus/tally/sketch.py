"""A whole feature map in a thousand numbers that preserve distances: coordinates added to bins with random signs."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

BINS = 1021  # a prime, so that one channel's positions fall into all bins and not into a few
TOGETHER, EXAMPLES = 16, 32  # blocks and examples multiplied at once: two megabytes


class Sketch:
    """The random signs of one layer: a linear map (coordinates,) -> (bins,), the same for every net and example.

    Squared distances are preserved in expectation, with a relative standard deviation near sqrt(2 / bins); this is the
    count sketch (Charikar et al. 2002; Weinberger et al. 2009) with coordinate i in bin i mod bins. A map with no more
    coordinates than bins is stored as it is. Cost: one multiplication and addition per coordinate.
    """

    def __init__(self, name: str, shape: Sequence[int], unit_axis: int, bins: int = BINS, seed: int = 0) -> None:
        self.coordinates, self.axis = prod(shape), unit_axis
        self.bins = min(bins, self.coordinates)
        self.blocks, rest = divmod(self.coordinates, self.bins)
        generator = torch.Generator().manual_seed((zlib.crc32(name.encode()) + (seed << 32)) % 2**63)
        signs = torch.randint(0, 2, (self.blocks + bool(rest), self.bins), generator=generator, dtype=torch.int8)
        self.signs = (2 * signs - 1).float()  # (blocks, bins)

    def __call__(self, x: Tensor) -> Tensor:
        """(examples, ...) in the layer's own layout -> (examples, bins) float32 there; nan for maps of another size."""
        if len(x) == 0 or x[0].numel() != self.coordinates:
            return torch.full((len(x), self.bins), torch.nan, device=x.device)
        rows = x.movedim(self.axis, -1).flatten(1)  # units last: the same order in every memory format
        if self.coordinates == self.bins:
            return rows.to(torch.float32, copy=True)  # the net may overwrite its own tensor
        self.signs = self.signs.to(rows.device)
        return torch.cat([self._summed(part) for part in torch.split(rows, EXAMPLES)])

    def _summed(self, rows: Tensor) -> Tensor:
        """(examples, coordinates) -> (examples, bins), a few blocks at a time so that products stay in the cache."""
        whole = self.blocks * self.bins
        blocks = rows[:, :whole].view(len(rows), self.blocks, self.bins)
        out = torch.zeros(len(rows), self.bins, device=rows.device)
        for start in range(0, self.blocks, TOGETHER):
            part = slice(start, min(start + TOGETHER, self.blocks))
            out += (blocks[:, part] * self.signs[part]).sum(1)
        rest = self.coordinates - whole
        if rest:
            out[:, :rest] += rows[:, whole:] * self.signs[-1, :rest]
        return out
