"""Which axis of a tensor holds the units: followed from the functions that made it, never from its shape alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor
from torch.nn import Parameter

from .dataflow import MODULE, Call
from .functions import (
    ATTENTION,
    CHANNEL_NORMS,
    CONVOLUTION,
    JOINS,
    LAST,
    LAST_AXIS_NORMS,
    MADE,
    MATMUL,
    RECURRENT,
    SHUFFLE,
    STACKS,
    WRITES,
)
from .markers import compact, counting, is_structural, moved, owning, varying
from .products import einsum_axes

_RESIZES_UNITS = JOINS | {"glu", "pad", "hstack", "vstack", "dstack", "row_stack"}
GUESS = "guess: "  # begins what decided an axis where nothing did
_UNFOLDS = ("fold", "unfold")  # (n, units, ...) to (n, units x window, windows), and back


@dataclass(frozen=True)
class Units:
    """The axes that hold a tensor's units (several for heads x head_dim), and what decided it.

    Where some of the axes over which a call spread the units are their own and others hold positions as well, as
    behind a pixel shuffle, `axes` are the first.
    """

    axes: tuple[int, ...]
    source: str  # "conv2d", "linear", ...
    # Which unit lies at which index, size 1 along the other axes; None: they count along `axes`, the last fastest.
    marker: Tensor | None = field(default=None, compare=False, repr=False)
    spread: tuple[int, ...] = field(default=(), repr=False)  # the axes that hold some of them between positions


def unit_axes(call: Call, known: Sequence[Units | None]) -> list[Units | None]:
    """Where the units of each output of a call lie, given where those of its inputs do; None where nothing says so.

    Functions that make units say where; structural ones are followed with a marker; any other keeps the axes of the
    first of its largest inputs, where the shape allows it.
    """
    if call.name == WRITES:
        return [known[0] or _written(call, known)]
    if call.name in MADE:
        return [None] * len(call.outs)
    if is_structural(call):
        return _followed(call, known[0])
    if call.name in RECURRENT:  # the states as well as the outputs
        return [_on(out.ndim - 1, call.name) for out in call.outs]
    rest: list[Units | None] = [None] * (len(call.outs) - 1)
    return [_of_first(call, known), *rest]


def _written(call: Call, known: Sequence[Units | None]) -> Units | None:
    """The units of what was written into a tensor that had none, such as the rows that an expert gives back."""
    value, units = call.inputs[-1], known[-1]
    same = units is not None and len(known) > 1 and value.ndim == call.outs[0].ndim
    whole = same and units is not None and all(value.shape[a] == call.outs[0].shape[a] for a in units.axes)
    return Units(units.axes, units.source) if units is not None and whole else None


def leaves_fewer(before: Units | None, after: Units | None, call: Call) -> bool:
    """Whether a reduction left some of the units that there were: maxout, and no pooling of positions."""
    if before is None or after is None:
        return False
    own = [n for axis, n in enumerate(call.shape or ()) if axis in before.axes]
    left = [n for axis, n in enumerate(call.outs[0].shape) if axis in after.axes]
    return 1 < prod(left) < prod(own)


def _followed(call: Call, units: Units | None) -> list[Units | None]:
    marker = _marker(call, units) if units else None
    if units is None or marker is None:
        return [None] * len(call.outs)
    if call.name == SHUFFLE and units.axes == (call.outs[0].ndim - 3,):  # what is left of the channels are the units
        return [_on(call.outs[0].ndim - 3, units.source)]
    return [_marked(part, units.source) for part in moved(call, marker)]


def _marker(call: Call, units: Units) -> Tensor | None:
    """Which unit lies where in the first argument; None where its shape is another than when that was noted."""
    shape = call.shape or ()
    if units.marker is None:
        return counting(shape, units.axes, call.inputs[0].device) if max(units.axes) < len(shape) else None
    fits = len(shape) == units.marker.ndim and all(m in (1, n) for m, n in zip(units.marker.shape, shape, strict=True))
    if fits:
        return units.marker.expand(shape)
    # else other axes than theirs were resized
    resized = len(shape) == units.marker.ndim and not set(units.axes) & set(units.spread)
    return counting(shape, units.axes, call.inputs[0].device) if resized else None


def _marked(marker: Tensor | None, source: str) -> Units | None:
    axes = varying(marker) if marker is not None else ()
    if marker is None or not axes:
        return None
    own = owning(marker)
    spread = tuple(axis for axis in axes if axis not in own)
    return Units(own or axes, source, compact(marker).clone(), spread)


def _of_first(call: Call, known: Sequence[Units | None]) -> Units | None:
    name, ndim = call.name, call.outs[0].ndim
    convolution = CONVOLUTION.match(name)
    if convolution:
        return _on(ndim - int(convolution["axes"]) - 1, name)
    if name in LAST_AXIS_NORMS and len(call.argument(1, "normalized_shape", ())) == 1:
        return _of_norm(call, known[0]) or _on(ndim - 1, name)
    if name in LAST:
        return _on(ndim - 1, name)
    if name in CHANNEL_NORMS:
        return _on(1, name)
    if name in _UNFOLDS:
        return Units((ndim - (2 if name == "unfold" else 3),), known[0].source) if known[0] else None
    if name == STACKS:
        return _stacked(call, known[0])
    if name in MATMUL or name == ATTENTION:
        return _of_product(call, known)
    return _of_elementwise(call, known)


def _on(axis: int, source: str) -> Units | None:
    return Units((axis,), source) if axis >= 0 else None


def _of_norm(call: Call, units: Units | None) -> Units | None:
    """Units that lie on several axes, such as heads x head_dim, stay there when the last of them is normalised."""
    several = units is not None and len(units.axes) > 1 and not units.spread and call.outs[0].ndim - 1 in units.axes
    return Units(units.axes, call.name, units.marker) if units is not None and several else None


def _of_product(call: Call, known: Sequence[Units | None]) -> Units | None:
    """Columns of the right-hand factor are the units, and heads beside them; rows where a weight stands left."""
    out, attends = call.outs[0], call.name == ATTENTION
    last = _on(out.ndim - 1, call.name)
    factors = list(zip(call.inputs, known, strict=True))
    if call.name == "einsum":
        weighs = any(isinstance(x, Parameter) for x in call.inputs)
        return _of_einsum(call, known) or (last if weighs else _on(out.ndim - 1, f"{GUESS}einsum, last axis"))
    if len(factors) < 2:
        return last
    (left, _), (right, units) = factors[1:3] if attends else factors[-2:]  # addmm(bias, left, right)
    if not attends and isinstance(left, Parameter) and out.ndim > 1:
        return _on(out.ndim - 2, call.name)
    if units and right.ndim == out.ndim:
        columns = right.ndim - 1 in units.axes and right.ndim - 2 not in units.axes
        if columns and all(out.shape[a] == right.shape[a] for a in units.axes):
            return Units(units.axes, call.name, units.marker)
    if attends and out.ndim == 4:
        return Units((1, 3), call.name)
    return last if attends or isinstance(right, Parameter) else _on(out.ndim - 1, f"{GUESS}{call.name}, last axis")


def _of_einsum(call: Call, known: Sequence[Units | None]) -> Units | None:
    if len(call.inputs) == 1 and known[0]:  # it permutes, or takes a diagonal
        x, units = call.inputs[0], known[0]
        marker = units.marker.expand(x.shape) if units.marker is not None else counting(x.shape, units.axes, x.device)
        return _marked(torch.einsum(call.args[0], marker), units.source)
    axes = einsum_axes(call, [units.axes if units else None for units in known])
    return Units(axes, call.name) if axes else None


def _stacked(call: Call, units: Units | None) -> Units | None:
    """Tensors laid beside each other along a new axis."""
    if units is None:
        return None
    new = call.axes(1, 0) % call.outs[0].ndim
    marker = units.marker.unsqueeze(new) if units.marker is not None else None
    axes, spread = (tuple(a + (a >= new) for a in those) for those in (units.axes, units.spread))
    return Units(axes, units.source, marker, spread)


def _of_elementwise(call: Call, known: Sequence[Units | None]) -> Units | None:
    out = call.outs[0]
    if call.args and out is call.args[0] and tuple(out.shape) != call.shape:
        return None  # resized in place
    pairs = list(zip(call.inputs, known, strict=True))[: 1 if call.name == MODULE else None]
    for x, units in sorted(pairs, key=lambda pair: -pair[0].ndim):  # stable: the first of the largest
        if units and call.name in _RESIZES_UNITS and x.ndim == out.ndim:
            return Units(units.axes, units.source, spread=units.spread)
        kept = _broadcast(units, x, out) if units else None
        if kept:
            return kept
    return None


def _broadcast(units: Units, x: Tensor, out: Tensor) -> Units | None:
    """The same units in an output to which `x` was broadcast: its last axes are aligned."""
    shift = out.ndim - x.ndim
    axes = tuple(axis + shift for axis in units.axes)
    if shift < 0 or any(out.shape[b] != x.shape[a] for a, b in zip(units.axes, axes, strict=True)):
        return None
    marker = units.marker[(None,) * shift] if units.marker is not None and shift else units.marker
    return Units(axes, units.source, marker, tuple(axis + shift for axis in units.spread))
