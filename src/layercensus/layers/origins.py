"""What a tensor was computed from: enough to tell a residual sum, and what leads to the net's output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from .dataflow import INPUT, Call
from .functions import ADDS, WRITES


@dataclass(frozen=True)
class Origin:
    """The floating tensors that one was computed from, as bits of an integer; its own bit is among them."""

    bit: int  # 0 for integer tensors
    all: int
    residual: bool = False  # the sum of two activations that were computed from a common one


def origins(call: Call, known: Sequence[Origin | None]) -> list[Origin | None]:
    """What each output of a call was computed from; None for weights and constants, which no input leads to."""
    if call.name == WRITES:
        return [known[0]]
    sources = [origin.all for origin in known if origin is not None]
    if not sources and call.name != INPUT:
        return [None] * len(call.outs)
    union = 0
    for source in sources:
        union |= source
    residual = _is_residual_sum(call, known)
    return [_origin(out, call.number + index, union, residual) for index, out in enumerate(call.outs)]


def _origin(out: Tensor, number: int, sources: int, residual: bool) -> Origin:
    bit = 1 << number if out.is_floating_point() else 0
    return Origin(bit, sources | bit, residual)


def _is_residual_sum(call: Call, known: Sequence[Origin | None]) -> bool:
    """Whether a call adds two tensors of one shape that were computed from a common one.

    Sums with weights, masks or constants are none, nor are sums of embeddings.
    """
    if call.name not in ADDS or len(call.args) < 2 or not all(isinstance(t, Tensor) for t in call.args[:2]):
        return False
    a, b = call.args[0], call.args[1]
    if call.shape != tuple(b.shape) or a.ndim < 2 or a is b or not (a.is_floating_point() and b.is_floating_point()):
        return False
    left, right = known[0], known[1]
    return left is not None and right is not None and left.all & right.all != 0
