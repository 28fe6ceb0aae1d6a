"""Which axis of a tensor holds the units: followed from the functions that made it, never from its shape alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.utils.weak import WeakTensorKeyDictionary

from .functions import ATTENTION, tensor_arguments

LAST = frozenset({
    "linear", "bilinear", "rms_norm", "embedding", "embedding_bag", "multi_head_attention_forward", "lstm", "gru",
    "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
})  # fmt: skip
MATMUL = frozenset({"matmul", "mm", "bmm", "__matmul__", "__rmatmul__", "addmm", "baddbmm", "addbmm", "einsum"})
CHANNEL_NORMS = frozenset({"batch_norm", "instance_norm", "group_norm"})
MAKERS = LAST | MATMUL | CHANNEL_NORMS | {ATTENTION, "layer_norm"}
# They move, split or drop axes, and do the same to a marker.
STRUCTURAL = frozenset({
    "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "T", "mT", "adjoint", "reshape",
    "view", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "expand", "__getitem__", "split", "chunk",
    "unbind", "tensor_split", "split_with_sizes", "select", "narrow", "index_select", "pixel_shuffle",
    "pixel_unshuffle", "repeat", "flip", "roll", "mean", "sum", "amax", "amin", "max", "min",
})  # fmt: skip
RESIZES_UNITS = frozenset({"glu", "cat", "concat", "concatenate"})
_CONVOLUTION = re.compile(r"conv(?:_transpose)?([123])d$")


def makes_units(name: str) -> bool:
    """Whether a function makes new units or normalises them."""
    return name in MAKERS or _CONVOLUTION.match(name) is not None


@dataclass(frozen=True)
class Units:
    """The axes that hold a tensor's units (several for heads x head_dim), and what decided it."""

    axes: tuple[int, ...]
    source: str  # "conv2d", "linear", ...


class UnitAxes:
    """Remembers for every tensor of a forward pass where its units lie."""

    def __init__(self) -> None:
        self._known: MutableMapping[Tensor, Units] = WeakTensorKeyDictionary()

    def get(self, x: Tensor) -> Units | None:
        """Where the units of a tensor lie, if a function that is known made it."""
        return self._known.get(x)

    def follow(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], out: Any
    ) -> None:
        """Take note of one function call and its output."""
        outs = [t for t in (out if isinstance(out, (tuple, list)) else (out,)) if isinstance(t, Tensor)]
        inputs = list(tensor_arguments(args, kwargs))
        if not outs:
            return
        if name in STRUCTURAL and args and isinstance(args[0], Tensor):
            in_place = getattr(function, "__name__", "").endswith("_") and not name.startswith("__")
            units = None if in_place else self.get(args[0])  # its shape before the call is gone
            found = _marked(name, function, args, kwargs, units) if units else []
            found += [None] * (len(outs) - len(found))
        else:
            found = [self._of(name, args, inputs, outs[0]), *(None for _ in outs[1:])]
        for tensor, where in zip(outs, found, strict=False):
            self._set(tensor, where)

    def carry(self, source: Tensor | None, out: Tensor) -> None:
        """A module's output of unknown origin keeps its input's axes where the shape allows it."""
        units = self.get(source) if source is not None else None
        if units and source is not None and self.get(out) is None:
            self._set(out, _kept(units, source, out))

    def _set(self, x: Tensor, units: Units | None) -> None:
        if units is not None and units.axes:
            self._known[x] = units
        elif x in self._known:
            del self._known[x]

    def _of(self, name: str, args: tuple[Any, ...], inputs: list[Tensor], out: Tensor) -> Units | None:
        convolution = _CONVOLUTION.match(name)
        if convolution:
            return Units((out.ndim - int(convolution[1]) - 1,), name)
        if name in LAST:
            return Units((out.ndim - 1,), name)
        if name in CHANNEL_NORMS:
            return Units((1,), name)
        if name == "layer_norm" and len(args) > 1 and len(args[1]) == 1:
            return Units((out.ndim - 1,), name)
        if name in MATMUL or name == ATTENTION:
            return self._product(name, inputs, out)
        return self._elementwise(name, inputs, out)

    def _product(self, name: str, inputs: list[Tensor], out: Tensor) -> Units | None:
        """Columns of the right-hand factor are the units, and heads beside them; rows where a weight stands left."""
        if name == "einsum" or len(inputs) < 2:
            return Units((out.ndim - 1,), name) if out.ndim else None
        left, right = inputs[1:3] if name == ATTENTION else inputs[-2:]  # addmm(bias, left, right)
        if name != ATTENTION and isinstance(left, Parameter) and out.ndim > 1:
            return Units((out.ndim - 2,), name)
        units = self.get(right)
        if units and right.ndim == out.ndim:
            columns = right.ndim - 1 in units.axes and right.ndim - 2 not in units.axes
            if columns and all(out.shape[a] == right.shape[a] for a in units.axes):
                return Units(units.axes, name)
        if name == ATTENTION and out.ndim == 4:
            return Units((1, 3), name)
        return Units((out.ndim - 1,), name) if out.ndim else None

    def _elementwise(self, name: str, inputs: list[Tensor], out: Tensor) -> Units | None:
        for x in sorted(inputs, key=lambda t: -t.ndim):  # stable: the first of the largest
            units = self.get(x)
            if units and name in RESIZES_UNITS and x.ndim == out.ndim:
                return units
            kept = _kept(units, x, out) if units else None
            if kept:
                return kept
        return None


def _kept(units: Units, x: Tensor, out: Tensor) -> Units | None:
    shift = out.ndim - x.ndim  # broadcasting aligns last axes
    axes = tuple(a + shift for a in units.axes)
    if shift < 0 or any(out.shape[b] != x.shape[a] for a, b in zip(units.axes, axes, strict=True)):
        return None
    return Units(axes, units.source)


def _marked(
    name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], units: Units
) -> list[Units | None]:
    """Where the axes go: the same call on a tensor that varies along them only."""
    x = args[0]
    sizes = [n if a in units.axes else 1 for a, n in enumerate(x.shape)]
    marker = torch.arange(math.prod(sizes), dtype=torch.float32, device=x.device).view(sizes).expand(x.shape)
    try:
        moved = marker.reshape(*args[1:], **kwargs) if name == "view" else function(marker, *args[1:], **kwargs)
    except Exception:  # a call that only the real tensor can take: its axes are not followed
        return []
    parts = moved if isinstance(moved, (tuple, list)) else (moved,)
    return [_varying(m, units.source) if isinstance(m, Tensor) else None for m in parts]


def _varying(marker: Tensor, source: str) -> Units | None:
    if marker.numel() == 0:
        return None
    axes = []
    for axis in range(marker.ndim):
        line = marker[tuple(slice(None) if a == axis else 0 for a in range(marker.ndim))]
        if bool((line != line[0]).any()):
            axes.append(axis)
    return Units(tuple(axes), source) if axes else None
