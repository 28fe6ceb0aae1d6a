"""How far back into the input each function of a forward pass lets a position see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from .dataflow import CONSTANT, INPUT, Call
from .field import Line
from .functions import JOINS, LAST_AXIS_NORMS, MOVES, POINTWISE, REDUCTIONS, SPREADS, WRITES
from .markers import counting, moved, steps
from .windows import slide

_OVER_THE_MAP = frozenset({"instance_norm", "group_norm"})  # by their statistics each position sees the whole map
_OVER_AN_AXIS = LAST_AXIS_NORMS | {"softmax", "log_softmax", "normalize"}
_REDUCING = REDUCTIONS | SPREADS
_ODD = (TypeError, ValueError, IndexError, KeyError, RuntimeError)  # from a call in a way that the rules do not know


@dataclass(frozen=True)
class Reach:
    """What a tensor depends on: a line for each of its axes that still runs along an axis of the input."""

    lines: Mapping[int, Line]
    beyond: bool = False  # each position also sees the rest through a gate or a normalisation
    constant: bool = False  # no part of the input


WHOLE = Reach({})
_CONSTANT = Reach({}, constant=True)


def reaches(call: Call, known: Sequence[Reach | None]) -> list[Reach | None]:
    """How far each output of a call reaches, given how far its inputs do.

    A function that the rules do not know, or that is called in a way that they do not, is said to see everything; so
    is a tensor of which nothing is known.
    """
    if call.name == INPUT:
        return [Reach({axis: Line(axis - 2) for axis in range(2, call.outs[0].ndim)})]
    whole: list[Reach | None] = [WHOLE] * len(call.outs)
    if call.name == WRITES:
        return whole
    inputs = [reach or WHOLE for reach in known]
    if call.name == CONSTANT or all(reach.constant for reach in inputs):
        return [_CONSTANT] * len(call.outs)
    try:
        return _followed(call, inputs) or whole
    except _ODD:
        return whole


def _followed(call: Call, inputs: Sequence[Reach]) -> list[Reach | None] | None:
    rest: list[Reach | None] = [WHOLE] * (len(call.outs) - 1)
    if call.name in POINTWISE or call.name in JOINS:
        return [_pointwise(call, inputs), *rest]
    if call.shape is None or not inputs[0].lines:
        return None
    own = inputs[0]
    lines = slide(call, own.lines, all(reach.constant for reach in inputs[1:]))
    if lines is not None:
        return [Reach(lines, own.beyond), *rest]
    if call.name in MOVES:
        return _moved(call, own)
    return _reduced(call, own) if call.name in _REDUCING else None


def _pointwise(call: Call, inputs: Sequence[Reach]) -> Reach:
    """Each position sees what it saw in every input; an input without this axis is a gate that is over the map."""
    name, out = call.name, call.outs[0]
    parts = [(x, reach) for x, reach in zip(call.inputs, inputs, strict=True) if not reach.constant]
    joined = call.axes(1, 0) % out.ndim if name in JOINS else -1
    beyond = any(reach.beyond for _, reach in parts) or name in _OVER_THE_MAP
    lines: dict[int, Line] = {}
    for axis in range(out.ndim):
        there = [(x, reach, axis - (out.ndim - x.ndim)) for x, reach in parts]
        along = [reach.lines.get(own) for x, reach, own in there if own >= 0 and x.shape[own] == out.shape[axis]]
        union = _union(along) if axis != joined else None
        if union is not None:
            lines[axis] = union
            beyond = beyond or len(along) < len(parts)
    if name in _OVER_AN_AXIS:
        beyond = beyond or bool(_normalised(call, out) & set(lines))
    return Reach(lines, beyond)


def _normalised(call: Call, out: Tensor) -> set[int]:
    """The axes over which a normalisation takes its statistics."""
    if call.name in LAST_AXIS_NORMS:
        return set(range(out.ndim - len(call.argument(1, "normalized_shape", out.shape)), out.ndim))
    dim = call.axes(2 if call.name == "normalize" else 1, 1)
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


def _moved(call: Call, own: Reach) -> list[Reach | None]:
    """Where each axis goes, and which of its positions are kept."""
    lines: list[dict[int, Line]] = [{} for _ in call.outs]
    for axis, line in own.lines.items():
        for part, along in zip(
            moved(call, counting(call.shape or (), [axis], call.inputs[0].device)), lines, strict=True
        ):
            counts = steps(part) if part is not None else None
            if counts is not None:
                to, first, step = counts
                along[to] = Line(line.of, line.stride * step, line.start + line.stride * first, line.size)
    return [Reach(along, own.beyond) for along in lines]


def _reduced(call: Call, own: Reach) -> list[Reach | None] | None:
    dim, ndim = call.axes(1), len(call.shape or ())
    if isinstance(dim, Tensor) or "other" in call.kwargs:  # torch.max(a, b) compares two tensors
        return None
    gone = {d % ndim for d in ([dim] if isinstance(dim, int) else dim or range(ndim))}
    keep = call.argument(2, "keepdim", False)
    lines = {
        axis - (0 if keep else sum(g < axis for g in gone)): line
        for axis, line in own.lines.items()
        if axis not in gone
    }
    return [Reach(lines, own.beyond)] * len(call.outs)
