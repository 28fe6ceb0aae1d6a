"""How far functions that slide a window over a map let a position see: convolution, pooling, padding, resizing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from .dataflow import Call
from .field import Line
from .functions import ADAPTIVE_POOL, CONVOLUTION, POOL

Lines = dict[int, Line]


def slide(call: Call, lines: Mapping[int, Line], fixed: bool) -> Lines | None:
    """The lines of a call's output by its axes, given those of its first input; None for no such function.

    fixed: whether its other inputs, such as the kernel, are no part of the net's input.
    """
    for pattern, rule in _RULES:
        match = pattern.fullmatch(call.name)
        if match:
            return rule(call, match, lines) if fixed or rule is not _convolution else None
    return None


def _convolution(call: Call, match: re.Match[str], lines: Mapping[int, Line]) -> Lines:
    transposed = bool(match["transposed"])
    kernel = call.argument(1, "weight").shape[2:]
    strides, padding = call.argument(3, "stride", 1), call.argument(4, "padding", 0)
    dilation = call.argument(7 if transposed else 5, "dilation", 1)

    def behind(i: int, line: Line) -> Line:
        before = padding if isinstance(padding, str) else _at(padding, i)
        window = _transposed if transposed else _window
        return window(line, kernel[i], _at(strides, i), before, _at(dilation, i))

    return _along(call, int(match["axes"]), lines, behind)


def _pool(call: Call, match: re.Match[str], lines: Mapping[int, Line]) -> Lines:
    shift = 1 if match["kind"] == "lp" else 0  # lp_pool2d(x, norm_type, kernel_size, stride)
    kernel = call.argument(1 + shift, "kernel_size")
    strides = call.argument(2 + shift, "stride")
    strides = kernel if strides in (None, []) else strides
    padding = 0 if shift else call.argument(3, "padding", 0)
    dilation = call.argument(4, "dilation", 1) if match["kind"] == "max" else 1

    def behind(i: int, line: Line) -> Line:
        return _window(line, _at(kernel, i), _at(strides, i), _at(padding, i), _at(dilation, i))

    return _along(call, int(match["axes"]), lines, behind)


def _adaptive_pool(call: Call, match: re.Match[str], lines: Mapping[int, Line]) -> Lines:
    """Windows of nearly equal size; one window for all sees everything."""
    axes = int(match["axes"])
    sizes, outs = _shape(call)[-axes:], call.outs[0].shape[-axes:]

    def behind(i: int, line: Line) -> Line | None:
        size, out = sizes[i], outs[i]
        if out == 1 and size > 1:
            return None
        even = size % out == 0
        return line.slid(size / out, 0 if even else 1, math.ceil(size / out) - 1 + (0 if even else 2))

    return _along(call, axes, lines, behind)


def _pad(call: Call, match: re.Match[str], lines: Mapping[int, Line]) -> Lines:
    widths, last = list(call.argument(1, "pad")), len(_shape(call)) - 1
    before = {last - i: widths[2 * i] for i in range(len(widths) // 2)}
    return {axis: line.slid(1, before.get(axis, 0), 0) for axis, line in lines.items()}


def _resize(call: Call, match: re.Match[str], lines: Mapping[int, Line]) -> Lines:
    """Two neighbours on either side at most, where the size changes at all."""
    ratios = {axis: _shape(call)[axis] / call.outs[0].shape[axis] for axis in lines}
    return {a: line if ratios[a] == 1 else line.slid(ratios[a], 2, 4 + ratios[a]) for a, line in lines.items()}


def _pixel_unshuffle(call: Call, match: re.Match[str], lines: Mapping[int, Line]) -> Lines:
    r = call.argument(1, "downscale_factor")
    return {axis: line.slid(r, 0, r - 1) for axis, line in lines.items()}


def _pixel_shuffle(call: Call, match: re.Match[str], lines: Mapping[int, Line]) -> Lines:
    r = call.argument(1, "upscale_factor")
    return {axis: line.slid(1 / r, (r - 1) / r, (r - 1) / r) for axis, line in lines.items()}


def _linear(call: Call, match: re.Match[str], lines: Mapping[int, Line]) -> Lines:
    return {axis: line for axis, line in lines.items() if axis != len(_shape(call)) - 1}


_Rule = Callable[[Call, "re.Match[str]", Mapping[int, Line]], Lines]
_RULES: tuple[tuple[re.Pattern[str], _Rule], ...] = (
    (CONVOLUTION, _convolution),
    (POOL, _pool),
    (ADAPTIVE_POOL, _adaptive_pool),
    (re.compile("pad"), _pad),
    (re.compile("interpolate|upsample"), _resize),
    (re.compile("pixel_unshuffle"), _pixel_unshuffle),
    (re.compile("pixel_shuffle"), _pixel_shuffle),
    (re.compile("linear"), _linear),
)


def _along(call: Call, axes: int, lines: Mapping[int, Line], behind: Callable[[int, Line], Line | None]) -> Lines:
    """The lines with those of the last `axes` axes changed; `behind` is asked by the number among them."""
    first = len(_shape(call)) - axes
    changed = {axis: behind(axis - first, line) if axis >= first else line for axis, line in lines.items()}
    return {axis: line for axis, line in changed.items() if line is not None}


def _window(line: Line, kernel: int, stride: int, padding: int | str, dilation: int) -> Line:
    span = dilation * (kernel - 1)
    if isinstance(padding, str):
        padding = span // 2 if padding == "same" else 0
    return line.slid(stride, padding, span)


def _transposed(line: Line, kernel: int, stride: int, padding: int | str, dilation: int) -> Line:
    span = dilation * (kernel - 1)
    padding = 0 if isinstance(padding, str) else padding
    return line.slid(1 / stride, (span - padding) / stride, span / stride)


def _at(value: Any, axis: int) -> int:
    return int(value if isinstance(value, int) else value[axis if len(value) > 1 else 0])


def _shape(call: Call) -> tuple[int, ...]:
    return call.shape or ()
