"""One layer's response to some examples, reduced inside the hook in the tensor's own layout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .sketch import Sketch
from .slab import kept

CACHED, LARGE = 2**20, 2**23  # bytes that a core's cache holds for sure; bytes of maps from which on that matters


@dataclass(frozen=True)
class Reading:
    """What later steps need of a layer's output; nothing here grows with the size of a feature map."""

    mean: Tensor  # (examples, units) float32, over the counted positions: how much
    peak: Tensor  # (examples, units) float32, over the counted positions: whether at all
    spots: Tensor | None = None  # (chosen examples, spots, units) float32: which pattern
    sketch: Tensor | None = None  # (chosen examples, bins) float32: the whole map, as far as distances go
    unmasked: bool = False  # a mask was given, but the layer has other positions, so all of them were counted
    # (examples,) bool, which of them came to this layer with a position that counts; None: all. Others have nan
    reached: Tensor | None = None

    def on_cpu(self) -> Reading:
        """The same on the CPU."""
        if self.mean.device.type == "cpu":
            return self
        mean = self.mean.cpu()
        peak = mean if self.peak is self.mean else self.peak.cpu()
        return Reading(mean, peak, _cpu(self.spots), _cpu(self.sketch), self.unmasked, _cpu(self.reached))

    @property
    def bytes(self) -> int:
        """Of its tensors, of which the mean and the peak may be one."""
        peak = None if self.peak is self.mean else self.peak
        several = (self.mean, peak, self.spots, self.sketch)
        return sum(t.numel() * t.element_size() for t in several if t is not None)


def _cpu(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.cpu()


def reduce_output(
    x: Tensor,
    unit_axis: int,
    *,
    mask: Tensor | None = None,
    rows: Tensor | None = None,
    draws: Tensor | None = None,
    sketch: Sketch | None = None,
) -> Reading:
    """The mean, the maximum and, for the examples in `rows`, a few positions of a layer's output, kept where it lies.

    Where mask, rows and draws are on another device they are brought to it; none of it waits for a GPU.

    x: (examples, ...) with the units on `unit_axis`; any floating-point dtype; never written to.
    mask: (examples, positions) bool, True where a position counts; ignored where the layer has other positions.
    rows: (chosen,) int64, the examples whose positions are read.
    draws: (chosen, spots) uniform in [0, 1): where in the map; equal draws are the same point in every layer.
    sketch: of the maps of the examples in `rows`.
    """
    x = x.detach()
    if x.ndim == 2:
        value = kept(x)  # a copy, since the net may overwrite its own tensor
        return Reading(value, value, None if rows is None else kept(value[rows.to(value.device)].unsqueeze(1)))
    flat, units_last = _positions(x, unit_axis)
    axis = 1 if units_last else 2
    given, reached = mask is not None, None
    if mask is not None and mask.shape == (flat.shape[0], flat.shape[axis]):
        mean, peak = _masked(flat, units_last, mask.to(flat.device))
        reached = mask.any(1) if mask.device.type != "cpu" or not bool(mask.any(1).all()) else None
    else:
        mask, (mean, peak) = None, _whole(flat, axis)
    spots = None if rows is None or draws is None else _spots(flat, units_last, rows, draws, mask)
    whole = None if sketch is None or rows is None else kept(sketch(_chosen(x, rows)))
    return Reading(kept(mean), kept(peak), spots, whole, given and mask is None, reached)


def by_position(x: Tensor, unit_axis: int, rows: Tensor, units: Tensor) -> Tensor:
    """(pairs, positions): the response of one unit in one example, for each pair of `rows` and `units`."""
    flat, units_last = _positions(x, unit_axis)
    return flat[rows, :, units] if units_last else flat[rows, units]


def _chosen(x: Tensor, rows: Tensor) -> Tensor:
    """The maps of these examples, without a copy where they are all."""
    return x if len(rows) == len(x) else x[rows.to(x.device)]


def _positions(x: Tensor, unit_axis: int) -> tuple[Tensor, bool]:
    """A view (examples, positions, units) where units are dense in memory, else (examples, units, positions)."""
    if x.stride(unit_axis) == 1 or unit_axis == x.ndim - 1:
        return x.movedim(unit_axis, -1).flatten(1, -2), True
    return x.movedim(unit_axis, 1).flatten(2), False


def _whole(flat: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Mean and maximum over an axis; large maps on the CPU a few at a time, so that the second finds them in cache."""
    at_once = max(1, CACHED // max(1, flat.numel() // max(1, len(flat)) * flat.element_size()))
    if flat.device.type != "cpu" or len(flat) <= at_once or flat.numel() * flat.element_size() < LARGE:
        return flat.mean(axis, dtype=torch.float32), flat.amax(axis)
    both = [(part.mean(axis, dtype=torch.float32), part.amax(axis)) for part in torch.split(flat, at_once)]
    means, peaks = zip(*both, strict=True)
    return torch.cat(means), torch.cat(peaks)


def _masked(flat: Tensor, units_last: bool, mask: Tensor) -> tuple[Tensor, Tensor]:
    counted = mask.unsqueeze(2 if units_last else 1)
    axis = 1 if units_last else 2
    mean = flat.float().masked_fill(~counted, 0).sum(axis) / mask.sum(1, keepdim=True).clamp(min=1)
    peak = flat.masked_fill(~counted, -torch.inf).amax(axis)
    empty = ~mask.any(1, keepdim=True)
    return mean.masked_fill(empty, torch.nan), peak.masked_fill(empty, torch.nan)


def _spots(flat: Tensor, units_last: bool, rows: Tensor, draws: Tensor, mask: Tensor | None) -> Tensor:
    rows, draws = rows.to(flat.device), draws.to(flat.device)
    mask = None if mask is None else mask.to(flat.device)
    index = spot_indices(flat.shape[1 if units_last else 2], rows, draws, mask)
    row = rows.unsqueeze(1)
    picked = flat[row, index] if units_last else flat[row, :, index]
    return kept(picked)


def spot_indices(positions: int, rows: Tensor, draws: Tensor, mask: Tensor | None) -> Tensor:
    """Indices (chosen, spots) of the sampled positions; a map with no more positions than spots is read whole."""
    if mask is None:
        if positions <= draws.shape[1]:
            return torch.arange(positions, device=rows.device).expand(len(rows), positions)
        return (draws * positions).long().clamp(max=positions - 1)
    chosen = mask[rows]
    counted = chosen.sum(1, keepdim=True).clamp(min=1)
    rank = (draws * counted).long().minimum(counted - 1)
    order = (~chosen).to(torch.uint8).argsort(dim=1, stable=True)  # counted positions first, in their order
    return order.gather(1, rank)
