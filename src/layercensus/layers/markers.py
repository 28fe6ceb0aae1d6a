"""Where a call moves the elements of a tensor: the same call on a marker, whose values say where they began."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .dataflow import Call
from .functions import REDUCTIONS, STRUCTURAL

LARGEST = 1 << 22  # elements of a marker that are read whole


def is_structural(call: Call) -> bool:
    """Whether a call only moves, splits or drops axes of its first argument, or reduces over them."""
    if call.shape is None:
        return False
    if call.name == "unfold":  # Tensor.unfold adds an axis; F.unfold, which pads and joins, does not
        return call.outs[0].ndim > len(call.shape)
    if call.name not in STRUCTURAL:
        return False
    other = call.argument(1, "other")
    return not (call.name in REDUCTIONS and isinstance(other, Tensor))  # torch.max(a, b) compares two tensors


def counting(shape: Sequence[int], axes: Sequence[int], device: torch.device | None = None) -> Tensor:
    """A marker of this shape: it counts 0, 1, 2, ... along the given axes together, the last fastest.

    It is constant along every other axis, and takes the memory of the given axes only. float64 (float32 on MPS).

    >>> counting((2, 3), [1])
    tensor([[0., 1., 2.],
            [0., 1., 2.]], dtype=torch.float64)
    """
    sizes = [n if axis in axes else 1 for axis, n in enumerate(shape)]
    dtype = torch.float32 if device is not None and device.type == "mps" else torch.float64
    return torch.arange(math.prod(sizes), dtype=dtype, device=device).view(sizes).expand(*shape)


def moved(call: Call, marker: Tensor) -> list[Tensor | None]:
    """What a structural call makes of a marker that has the shape of its first argument: one marker for each output.

    None for an output that is no floating tensor. All None for a call that only the real tensor can take.
    """
    if "out" in call.kwargs:  # the marker would be written where the net's own tensor lies
        return [None] * len(call.outs)
    try:
        if call.name in ("view", "view_as"):  # a marker does not lie in memory as the tensor does
            out = marker.reshape(*_sizes(call), **call.kwargs)
        else:
            out = call.function(marker, *call.args[1:], **call.kwargs)
    except Exception:  # whatever a function raises that was not written for a marker
        return [None] * len(call.outs)
    parts = [part for part in (out if isinstance(out, (tuple, list)) else (out,)) if isinstance(part, Tensor)]
    fits = [tuple(part.shape) for part in parts] == [tuple(out.shape) for out in call.outs]
    return [part if part.is_floating_point() else None for part in parts] if fits else [None] * len(call.outs)


def compact(marker: Tensor) -> Tensor:
    """The marker with one index of every axis along which it is constant: size 1 there.

    >>> compact(counting((2, 3, 4), [1]).movedim(1, 2)).shape
    torch.Size([1, 1, 3])
    """
    if marker.numel() == 0:
        return marker
    for axis, step in enumerate(marker.stride()):
        if marker.shape[axis] > 1 and (step == 0 or _constant(marker, axis)):
            marker = marker.narrow(axis, 0, 1)
    return marker


def varying(marker: Tensor) -> tuple[int, ...]:
    """The axes along which a marker is not constant.

    >>> varying(counting((2, 3, 4), [1, 2]).flatten(1)), varying(counting((2, 3), [1]).mean(1))
    ((1,), ())
    """
    return tuple(axis for axis, n in enumerate(compact(marker).shape) if n > 1)


def owning(marker: Tensor) -> tuple[int, ...]:
    """The axes along which each value of a counting marker has one index only: those that are the units' own.

    A pixel shuffle spreads channels over rows and columns, which then hold every channel of a group again and again;
    the groups stay on an axis of their own.

    >>> owning(torch.pixel_shuffle(counting((2, 8, 3, 3), [1]), 2))
    (1,)
    """
    small = compact(marker)
    if small.numel() > LARGEST:
        small = small[tuple(slice(64) for _ in small.shape)]
    values = small.flatten().long()
    if not len(values):
        return ()
    return tuple(axis for axis, n in enumerate(small.shape) if n > 1 and _own(small, axis, values))


def _own(marker: Tensor, axis: int, values: Tensor) -> bool:
    index = torch.arange(marker.shape[axis], device=marker.device)
    index = index.view([-1 if a == axis else 1 for a in range(marker.ndim)]).expand_as(marker).flatten()
    size = int(values.max()) + 1
    first = torch.full((size,), marker.shape[axis], device=marker.device).scatter_reduce(0, values, index, "amin")
    last = torch.zeros(size, dtype=torch.long, device=marker.device).scatter_reduce(0, values, index, "amax")
    return bool((first[values] == last[values]).all())


def flattened(marker: Tensor) -> tuple[int, int, int] | None:
    """How an axis of this marker was flattened: indices before the units, units, and behind; None where it was not.

    >>> flattened(counting((2, 3, 4), [1]).flatten(1))
    (1, 3, 4)
    """
    small = compact(marker)
    values = small.flatten()
    if max(small.shape, default=0) != len(values) or len(values) < 2:
        return None
    units = len(torch.unique(values))
    behind = int((values == values[0]).long().cumprod(0).sum())
    if units < 2 or units == len(values) or len(values) % (units * behind):
        return None
    cube = values.view(-1, units, behind)
    return (len(cube), units, behind) if bool((cube == cube[:1, :, :1]).all()) else None


def steps(marker: Tensor) -> tuple[int, float, float] | None:
    """The one axis along which a marker counts in equal steps, its first value and its step; None where it does not.

    >>> steps(counting((2, 8), [1])[:, 1::3])
    (1, 1.0, 3.0)
    """
    small = compact(marker)
    axes = [axis for axis, n in enumerate(small.shape) if n > 1]
    if len(axes) != 1:
        return None
    values = small.flatten()
    step = float(values[1] - values[0])
    return (axes[0], float(values[0]), step) if bool((values.diff() == step).all()) else None


def _sizes(call: Call) -> Sequence[Any]:
    return call.outs[0].shape if call.name == "view_as" else call.args[1:]


def _constant(marker: Tensor, axis: int) -> bool:
    return bool((marker == marker.narrow(axis, 0, 1)).all())
