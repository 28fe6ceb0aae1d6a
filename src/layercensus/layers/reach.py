"""How far back into the input each function of a forward pass lets a position see."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .field import Line
from .functions import NONLINEAR

_CONVOLUTION = re.compile(r"conv(_transpose)?([123])d$")
_POOL = re.compile(r"(max|avg|lp)_pool([123])d(?:_with_indices)?$")
_ADAPTIVE = re.compile(r"adaptive_(?:max|avg)_pool([123])d(?:_with_indices)?$")
_MOVING = frozenset({
    "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "T", "mT", "reshape", "view", "flatten",
    "unflatten", "squeeze", "unsqueeze", "expand", "getitem", "split", "chunk", "unbind", "tensor_split",
    "split_with_sizes", "select", "narrow", "flip",
})  # fmt: skip
_REDUCING = frozenset({"mean", "sum", "amax", "amin", "max", "min", "std", "var", "norm"})
_POINTWISE = NONLINEAR | {
    "abs", "add", "addcdiv", "addcmul", "alpha_dropout", "batch_norm", "bfloat16", "clamp", "clamp_max",
    "clamp_min", "clip", "clone", "contiguous", "cos", "detach", "div", "divide", "double", "dropout", "dropout1d",
    "dropout2d", "dropout3d", "erf", "exp", "feature_alpha_dropout", "feature_dropout", "float", "group_norm",
    "half", "iadd", "imul", "instance_norm", "ipow", "isub", "itruediv", "layer_norm", "lerp",
    "local_response_norm", "log", "log1p", "log_softmax", "masked_fill", "maximum", "minimum", "mul", "multiply",
    "nan_to_num", "neg", "normalize", "pow", "radd", "reciprocal", "rms_norm", "rmul", "rpow", "rsqrt", "rsub",
    "rtruediv", "sign", "sin", "softmax", "sqrt", "square", "sub", "subtract", "to", "true_divide", "truediv",
    "type", "type_as", "where",
}  # fmt: skip
_JOINING = frozenset({"cat", "concat", "concatenate"})
_NORMALISING = frozenset({"softmax", "log_softmax", "normalize", "layer_norm", "rms_norm"})
_OVER_THE_MAP = frozenset({"instance_norm", "group_norm"})  # by their statistics each position sees the whole map


@dataclass(frozen=True)
class Reach:
    """What a tensor of the forward pass depends on: a line for each of its axes that still runs along the input."""

    lines: dict[int, Line]
    beyond: bool = False


def followed(
    func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any],
    inputs: list[tuple[Tensor, Reach | None]], shape: torch.Size | None, outs: list[Tensor],
) -> list[Reach | None]:  # fmt: skip
    """How far each output of one function call reaches, given how far its inputs do.

    name: the function's, without underscores around it. shape: of the first argument before the call. A function that
    is not known, or called in a way that is not, is said to see everything.
    """
    x = args[0] if args else kwargs.get("input")
    own = next((reach for t, reach in inputs if t is x), None)
    whole: list[Reach | None] = [Reach({})] * len(outs)
    try:
        if name in _POINTWISE or name in _JOINING:
            joined = _pointwise(name, args, kwargs, inputs, outs[0])
            return [joined, *whole[1:]]
        if own is None or not own.lines or shape is None:
            return whole
        if name in _MOVING:
            return _moved(func, name, shape, args, kwargs, own, len(outs))
        if name in _REDUCING:
            return _reduced(shape, args, kwargs, own, len(outs))
        one = _windowed(name, shape, args, kwargs, inputs, own, outs[0])
        return [one or Reach({}), *whole[1:]]
    except (TypeError, ValueError, IndexError, KeyError, RuntimeError):  # called in a way that is not known
        return whole


def _pointwise(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], inputs: list[tuple[Tensor, Reach | None]], out: Tensor
) -> Reach:
    """Each position sees what it saw in every input; an input without this axis is a gate that is over the map."""
    parts = [(t, reach) for t, reach in inputs if reach is not None]
    joining = _dim(args, kwargs, 1, 0) % out.ndim if name in _JOINING else -1
    beyond = any(reach.beyond for _, reach in parts) or name in _OVER_THE_MAP
    lines: dict[int, Line] = {}
    for axis in range(out.ndim):
        there = [(t, reach, axis - (out.ndim - t.ndim)) for t, reach in parts]
        along = [reach.lines.get(own) for t, reach, own in there if own >= 0 and t.shape[own] == out.shape[axis]]
        union = _union(along) if axis != joining else None
        if union is not None:
            lines[axis] = union
            beyond = beyond or len(along) < len(parts)
    if name in _NORMALISING:
        beyond = beyond or bool(_normalised(name, args, kwargs, out) & set(lines))
    return Reach(lines, beyond)


def _dim(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, default: Any) -> Any:
    return kwargs.get("dim", kwargs.get("axis", args[place] if len(args) > place else default))


def _normalised(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> set[int]:
    """The axes over which a normalisation takes its statistics."""
    if name in ("layer_norm", "rms_norm"):
        given = kwargs.get("normalized_shape", args[1] if len(args) > 1 else out.shape)
        return set(range(out.ndim - len(given), out.ndim))
    dim = _dim(args, kwargs, 2 if name == "normalize" else 1, 1)
    return {dim % out.ndim} if isinstance(dim, int) else set(range(out.ndim))


def _union(lines: Sequence[Line | None]) -> Line | None:
    """One line that covers all of them; None where one sees everything, or where they run apart."""
    known = [line for line in lines if line is not None]
    if not known or len(known) < len(lines):
        return None
    first = known[0]
    if any(abs(line.stride - first.stride) > 1e-9 or line.of != first.of for line in known):
        return None
    start = min(line.start for line in known)
    return Line(first.of, first.stride, start, max(line.start + line.size for line in known) - start)


def _moved(
    func: Callable[..., Any], name: str, shape: torch.Size, args: tuple[Any, ...], kwargs: dict[str, Any], own: Reach,
    outs: int,
) -> list[Reach | None]:  # fmt: skip
    """Where each axis goes, and which of its positions are kept: the same call on a tensor that counts along it."""
    found: list[dict[int, Line]] = [{} for _ in range(outs)]
    for axis, line in own.lines.items():
        sizes = [n if a == axis else 1 for a, n in enumerate(shape)]
        marker = torch.arange(shape[axis], dtype=torch.float64).view(sizes).expand(shape)
        moved = marker.reshape(*args[1:], **kwargs) if name == "view" else func(marker, *args[1:], **kwargs)
        for part, lines in zip(moved if isinstance(moved, (tuple, list)) else (moved,), found, strict=True):
            place = _counting(part)
            if place is not None:
                to, first, step = place
                lines[to] = Line(line.of, line.stride * step, line.start + line.stride * first, line.size)
    return [Reach(lines, own.beyond) for lines in found]


def _counting(marker: Tensor) -> tuple[int, float, float] | None:
    """The one axis along which a marker counts, its first value and its step."""
    for axis in range(marker.ndim):
        values = marker[tuple(slice(None) if a == axis else 0 for a in range(marker.ndim))]
        if len(values) < 2 or bool((values == values[0]).all()):
            continue
        step = float(values[1] - values[0])
        sizes = [n if a == axis else 1 for a, n in enumerate(marker.shape)]
        same = torch.equal(marker, values.view(sizes).expand(marker.shape))
        return (axis, float(values[0]), step) if same and bool((values.diff() == step).all()) else None
    return None


def _reduced(
    shape: torch.Size, args: tuple[Any, ...], kwargs: dict[str, Any], own: Reach, outs: int
) -> list[Reach | None]:
    dim = _dim(args, kwargs, 1, None)
    keep = kwargs.get("keepdim", args[2] if len(args) > 2 else False)
    if isinstance(dim, Tensor):
        return [Reach({})] * outs
    gone = {d % len(shape) for d in ([dim] if isinstance(dim, int) else dim or range(len(shape)))}
    lines = {
        axis - (0 if keep else sum(g < axis for g in gone)): line
        for axis, line in own.lines.items()
        if axis not in gone
    }
    return [Reach(lines, own.beyond)] * outs


def _windowed(
    name: str, shape: torch.Size, args: tuple[Any, ...], kwargs: dict[str, Any],
    inputs: list[tuple[Tensor, Reach | None]], own: Reach, out: Tensor,
) -> Reach | None:  # fmt: skip
    """Behind convolutions, pooling, padding and resizing; None for what is not known."""
    get = _arguments(args, kwargs)
    n = len(shape)
    convolution, pool, adaptive = _CONVOLUTION.match(name), _POOL.match(name), _ADAPTIVE.match(name)
    if convolution:
        if any(reach is not None for _, reach in inputs[1:]):
            return None  # the kernel itself is made of the input
        axes = range(n - int(convolution[2]), n)
        kernel = get(1, "weight", None).shape[2:]
        steps, padding = get(3, "stride", 1), get(4, "padding", 0)
        dilation = get(7, "dilation", 1) if convolution[1] else get(5, "dilation", 1)
        return _slid(own, axes, lambda i, line: _convolved(
            line, kernel[i], _at(steps, i), padding if isinstance(padding, str) else _at(padding, i), _at(dilation, i),
            transposed=bool(convolution[1]),
        ))  # fmt: skip
    if pool:
        shift = 1 if pool[1] == "lp" else 0
        axes = range(n - int(pool[2]), n)
        kernel = get(1 + shift, "kernel_size", None)
        steps = get(2 + shift, "stride", None)
        padding = 0 if shift else get(3, "padding", 0)
        dilation = get(4, "dilation", 1) if pool[1] == "max" else 1
        return _slid(own, axes, lambda i, line: _convolved(
            line, _at(kernel, i), _at(kernel if steps in (None, []) else steps, i), _at(padding, i), _at(dilation, i)
        ))  # fmt: skip
    if adaptive:
        return _slid(
            own, range(n - int(adaptive[1]), n), lambda i, line: _shared(line, shape, out, int(adaptive[1]), i)
        )
    if name == "pad":
        widths = list(get(1, "pad", None))
        before = {n - 1 - i: widths[2 * i] for i in range(len(widths) // 2)}
        return Reach({a: line.slid(1, before.get(a, 0), 0) for a, line in own.lines.items()}, own.beyond)
    if name in ("interpolate", "upsample"):
        return Reach({a: _resized(line, shape[a] / out.shape[a]) for a, line in own.lines.items()}, own.beyond)
    if name == "pixel_unshuffle":
        r = get(1, "downscale_factor", None)
        return Reach({a: line.slid(r, 0, r - 1) for a, line in own.lines.items()}, own.beyond)
    if name == "pixel_shuffle":
        r = get(1, "upscale_factor", None)
        return Reach({a: line.slid(1 / r, (r - 1) / r, (r - 1) / r) for a, line in own.lines.items()}, own.beyond)
    if name == "linear":
        return Reach({a: line for a, line in own.lines.items() if a != n - 1}, own.beyond)
    return None


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[int, str, Any], Any]:
    return lambda place, name, default: kwargs.get(name, args[place] if len(args) > place else default)


def _at(value: Any, axis: int) -> int:
    return int(value if isinstance(value, int) else value[axis if len(value) > 1 else 0])


def _slid(own: Reach, axes: range, change: Callable[[int, Line], Line | None]) -> Reach:
    lines = {}
    for axis, line in own.lines.items():
        new = change(axis - axes.start, line) if axis in axes else line
        if new is not None:
            lines[axis] = new
    return Reach(lines, own.beyond)


def _convolved(
    line: Line, kernel: int, steps: int, padding: int | str, dilation: int, transposed: bool = False
) -> Line:
    span = dilation * (kernel - 1)
    if isinstance(padding, str):
        padding = span // 2 if padding == "same" else 0
    if transposed:
        return line.slid(1 / steps, (span - padding) / steps, span / steps)
    return line.slid(steps, padding, span)


def _shared(line: Line, shape: torch.Size, out: Tensor, axes: int, i: int) -> Line | None:
    """Adaptive pooling: windows of nearly equal size; one window for all sees everything."""
    into, of = out.shape[out.ndim - axes + i], shape[len(shape) - axes + i]
    if into == 1 and of > 1:
        return None
    return line.slid(of / into, 0 if of % into == 0 else 1, math.ceil(of / into) - 1 + (0 if of % into == 0 else 2))


def _resized(line: Line, ratio: float) -> Line:
    """Interpolation: two neighbours on either side at most, where the size changes at all."""
    return line if ratio == 1 else line.slid(ratio, 2, 4 + ratio)
