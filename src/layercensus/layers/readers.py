"""Which axis of a tensor the function that reads it takes for channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from .dataflow import Call
from .functions import ADAPTIVE_POOL, CHANNEL_NORMS, CONVOLUTION, LAST_AXIS_NORMS, POINTWISE, POOL

_RESIZES = frozenset({"interpolate", "upsample", "pad", "grid_sample"})
_LONGEST = 32  # steps that are remembered

Path = tuple[int, ...]
"""Numbers of the tensors from which one came by calls that keep every axis where it is; its own is the last."""


@dataclass(frozen=True)
class Reader:
    """A function with weights, or a normalisation, and the axis of its input that it takes for channels."""

    axis: int
    function: str


def paths(call: Call, known: Sequence[Path | None]) -> list[Path | None]:
    """From which tensors each output came with its axes kept: along the one input with as many axes."""
    kept = _keeps_axes(call)
    whole = [path for x, path in zip(call.inputs, known, strict=True) if path and x.ndim == call.outs[0].ndim]
    before = whole[0] if kept and len(whole) == 1 else ()
    return [(*before[-_LONGEST:], call.number + index) for index in range(len(call.outs))]


def reader(call: Call) -> Reader | None:
    """What a call takes for channels in its first input; None for a function without weights.

    >>> import torch
    >>> x = torch.zeros(2, 3, 8, 8)
    >>> reader(Call("conv2d", torch.conv2d, (x,), {}, (x,), (2, 3, 8, 8), (x,)))
    Reader(axis=1, function='conv2d')
    """
    if not call.args or not isinstance(call.args[0], Tensor) or call.shape is None:
        return None
    ndim = len(call.shape)
    convolution = CONVOLUTION.match(call.name)
    if convolution:
        axis = ndim - int(convolution["axes"]) - 1
    elif call.name in CHANNEL_NORMS:
        axis = 1
    elif call.name == "linear" or (call.name in LAST_AXIS_NORMS and _one_axis(call)):
        axis = ndim - 1
    else:
        return None
    return Reader(axis, call.name) if 0 <= axis < ndim else None


def _one_axis(call: Call) -> bool:
    return len(call.argument(1, "normalized_shape", ())) == 1


def _keeps_axes(call: Call) -> bool:
    pools = any(pattern.match(call.name) for pattern in (POOL, ADAPTIVE_POOL))
    return pools or call.name in _RESIZES or call.name in POINTWISE - CHANNEL_NORMS - LAST_AXIS_NORMS
