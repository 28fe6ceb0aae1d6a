"""Where a tensor holds the examples: measured by changing them, and followed through the calls that only move them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .dataflow import INPUT, Call
from .functions import ADAPTIVE_POOL, ATTENTION, CONVOLUTION, JOINS, MATMUL, POINTWISE, POOL, WRITES
from .layer import View
from .markers import compact, is_structural, moved, varying
from .prints import Prints, compare

_NO_AXIS = "none of its axes holds the {n} examples: shape {shape}"
_NOT_DEPENDING = "it does not depend on the examples: shape {shape}"
_TIME_FIRST = "attention runs across the examples (batch_first=False): give the net its data with time first"
_PRODUCTS = (MATMUL - {"einsum", "rmatmul"}) | {ATTENTION}


def find_view(
    first: Prints, second: Prints | None, shape: tuple[int, ...], examples: int, time_first: bool,
    followed: View | None = None,
) -> View | str:  # fmt: skip
    """The view with the examples on axis 0, or why there is none.

    first, second: prints of the layer for examples a, b, c, ... and for a, a, a, ...: the right axis is the one whose
        index 0 stays, and whose other indices become like it.
    followed: where the calls before it left the examples. It decides where nothing tells axes apart; without it axis 0
        is preferred, or axis 1 inside a module with batch_first=False.
    """
    views = preferred(first, time_first, followed)
    if not views:
        return _NO_AXIS.format(n=examples, shape=shape)
    if second is None or examples == 1 or any(v not in second.by_view for v in views):
        return views[0]
    answers = {view: compare(first.by_view[view], second.by_view[view], first.noise[view]) for view in views}
    for wanted in ("rows", "row 0", "flat", "mixed"):
        for view, answer in answers.items():
            if answer == wanted:
                return _TIME_FIRST if wanted == "mixed" and time_first else view
    return _NOT_DEPENDING.format(shape=shape)


def preferred(prints: Prints, time_first: bool, followed: View | None) -> list[View]:
    """Every view that may hold the examples, the likeliest first."""
    usual = 1 if time_first else 0
    return sorted(prints.by_view, key=lambda v: (v != followed, bool(v.fold), v.batch_axis != usual))


def example_axes(examples: int, call: Call, known: Sequence[View | None]) -> list[View | None]:
    """Where each output of a call holds the examples, given where its inputs do; None where that is not certain.

    examples: how many the pass was given, on axis 0 of every input of that size.
    """
    if call.name == INPUT:
        x = call.outs[0]
        return [View() if examples > 1 and x.ndim and x.shape[0] == examples else None]
    if call.name == WRITES:
        return [known[0]]
    if is_structural(call):
        return _moved(examples, call, known[0])
    view = _kept(call, known)
    rest: list[View | None] = [None] * (len(call.outs) - 1)
    return [view if view is not None and _fits(view, call.outs[0], examples) else None, *rest]


def _moved(examples: int, call: Call, view: View | None) -> list[View | None]:
    if view is None or call.shape is None:
        return [None] * len(call.outs)
    marker = _numbered(call.shape, view, examples, call.inputs[0].device)
    return [_read(part, examples) if part is not None else None for part in moved(call, marker)]


def _numbered(shape: Sequence[int], view: View, examples: int, device: torch.device) -> Tensor:
    """A marker that holds at each element the number of its example."""
    axis = view.batch_axis
    line = _line(view, shape[axis], examples, device)
    return line.view([-1 if a == axis else 1 for a in range(len(shape))]).expand(*shape)


def _line(view: View, size: int, examples: int, device: torch.device) -> Tensor:
    dtype = torch.float32 if device.type == "mps" else torch.float64
    numbers = torch.arange(examples, dtype=dtype, device=device)
    times = size // examples
    return numbers.repeat(times) if view.fold == "inner" else numbers.repeat_interleave(times)


def _read(marker: Tensor, examples: int) -> View | None:
    """The view whose marker this is."""
    axes, line = varying(marker), compact(marker).flatten()
    if len(axes) != 1 or len(line) % examples:
        return None
    if len(line) == examples:
        views = [View(axes[0])]
    else:
        views = [View(fold="outer"), View(fold="inner")] if axes[0] == 0 else []
    lines = {view: _line(view, len(line), examples, line.device).to(line.dtype) for view in views}
    return next((view for view in views if torch.equal(line, lines[view])), None)


def _kept(call: Call, known: Sequence[View | None]) -> View | None:
    """The view of the output of a call that leaves the examples on their axis."""
    if call.name in POINTWISE:
        return _agreed([_broadcast(view, x, call.outs[0]) for x, view in zip(call.inputs, known, strict=True) if view])
    if call.name in JOINS:
        joined = call.axes(1, 0) % call.outs[0].ndim
        views = [view for view in known if view]
        return _agreed(views) if all(view.batch_axis != joined for view in views) else None
    if call.name in _PRODUCTS:
        return _of_product(call, known)
    view, ndim = (known[0], len(call.shape)) if known and call.shape is not None else (None, 0)
    if view is None:
        return None
    if call.name == "linear":
        return view if view.batch_axis != ndim - 1 else None
    if call.name == "embedding":
        return view
    spatial = next((m for m in (p.match(call.name) for p in (CONVOLUTION, POOL, ADAPTIVE_POOL)) if m), None)
    return view if spatial and ndim == int(spatial["axes"]) + 2 and view.batch_axis == 0 else None


def _of_product(call: Call, known: Sequence[View | None]) -> View | None:
    """Of the factors' axes all stay but the one that is summed over."""
    factors = list(zip(call.inputs, known, strict=True))
    if len(factors) < 2:
        return None
    (left, rows), (right, columns) = factors[:2] if call.name == ATTENTION else factors[-2:]
    ndim = call.outs[0].ndim
    stays = []
    if rows and left.ndim == ndim and rows.batch_axis != ndim - 1:
        stays.append(rows)
    if columns and right.ndim == ndim and columns.batch_axis != ndim - 2:
        stays.append(columns)
    return _agreed(stays) if len(stays) == sum(view is not None for view in (rows, columns)) else None


def _broadcast(view: View, x: Tensor, out: Tensor) -> View | None:
    shift = out.ndim - x.ndim
    if shift < 0 or (view.fold and shift):
        return None
    return View(view.batch_axis + shift, view.fold)


def _agreed(views: Sequence[View | None]) -> View | None:
    return views[0] if views and all(view == views[0] for view in views) else None


def _fits(view: View, out: Tensor, examples: int) -> bool:
    """Whether the output is large enough on this axis."""
    if view.fold:
        return out.ndim > 0 and out.shape[0] > examples and out.shape[0] % examples == 0
    return view.batch_axis < out.ndim and out.shape[view.batch_axis] == examples
