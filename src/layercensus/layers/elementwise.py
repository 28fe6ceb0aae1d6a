"""Nonlinearities by what they do: functions of each element of one activation that are not affine, however spelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor
from torch.nn import Parameter

from .affine import ELEMENTWISE, IDENTITY, is_affine, kind_of_unknown, scalar_factor, touches
from .chain import Chain, Made
from .dataflow import INPUT, MODULE, Call
from .functions import (
    ATTENTION,
    CHANNEL_NORMS,
    CONVOLUTION,
    DRAWS,
    JOINS,
    LAST,
    LAST_AXIS_NORMS,
    MADE,
    MATMUL,
    NONLINEAR,
    REDUCTIONS,
    SPREADS,
    STACKS,
    WRITES,
)
from .markers import is_structural

_LONGEST = 16  # nonlinearities that are remembered until a function with weights reads them
_ATTENDS = frozenset({"softmax", "log_softmax", "softmin"})
_LARGER = frozenset({"max", "min", "maximum", "minimum", "fmax", "fmin"})
_GATES = frozenset({"sigmoid", "hardsigmoid"})
_NORMS = CHANNEL_NORMS | LAST_AXIS_NORMS


def chains(call: Call, known: Sequence[Chain | None]) -> list[Chain | None]:
    """What each output of a call is a function of, given what its inputs are; None for constants."""
    if call.name == INPUT:
        return [Chain(call.number, Made.RAW)]
    if call.name in DRAWS:
        return [Chain(call.number, Made.NOISE)] * len(call.outs)
    facts = [fact or _weight(x) for x, fact in zip(call.inputs, known, strict=True)]
    acts = [(x, f) for x, f in zip(call.inputs, facts, strict=True) if f is not None and f.made >= Made.RAW]
    if call.name in MADE or not any(facts):
        return [None] * len(call.outs)
    if not acts:
        made = max(f.made for f in facts if f is not None)
        still = made is Made.WEIGHT or call.outs[0].is_floating_point()  # a mask of random numbers is a constant
        return [Chain(call.number, made) if still else None] * len(call.outs)
    return [_of(call, facts, acts, i) for i in range(len(call.outs))]


def has_weights(call: Call, known: Sequence[Chain | None]) -> bool:
    """Whether a call brings weights to an activation: a convolution, a linear layer, a product with a parameter."""
    facts = [fact or _weight(x) for x, fact in zip(call.inputs, known, strict=True)]
    if not any(fact is not None and fact.made >= Made.RAW for fact in facts):
        return False
    weights = any(fact is not None and fact.made is Made.WEIGHT for fact in facts)
    family = CONVOLUTION.match(call.name) or call.name in LAST - LAST_AXIS_NORMS or call.name in MATMUL
    return weights and bool(family)


def weighs_alone(call: Call) -> bool:
    """Whether a call is a whole layer: no convolution of single channels, which another one completes."""
    groups = call.argument(8 if "transpose" in call.name else 6, "groups", 1) if "conv" in call.name else 1
    return bool(groups == 1)


def is_candidate(chain: Chain | None, call: Call) -> bool:
    """Whether this call ends something that may be a nonlinearity without a name."""
    return chain is not None and chain.tip == call.number and not chain.named and chain.made >= Made.MADE


def _weight(x: Tensor) -> Chain | None:
    return Chain(-1, Made.WEIGHT) if isinstance(x, Parameter) else None


def _of(call: Call, facts: Sequence[Chain | None], acts: Sequence[tuple[Tensor, Chain]], index: int) -> Chain:
    out, number = call.outs[index], call.number + index
    every = _last(acts)
    made = max(f.made for _, f in acts)
    if call.name == WRITES:
        return _written(call, facts, acts)
    if has_weights(call, facts):
        bare = () if "embedding" in call.name or not weighs_alone(call) else (*_bare(acts), number)
        return Chain(number, Made.DIRECT, bare=bare)
    if call.name in _NORMS:
        return Chain(number, Made.DIRECT, waiting=every)
    if call.name in _ATTENDS:
        return Chain(number, Made.RAW)
    if call.name in MATMUL or call.name == ATTENTION:
        return Chain(number, Made.MADE if call.name == ATTENTION else Made.RAW, waiting=every)
    if is_structural(call) or call.name in JOINS or call.name in SPREADS or call.name == STACKS:
        return _moved(call, acts, index)
    if call.name == "glu":
        return Chain(number, Made.MADE)
    if call.name == MODULE or (call.name not in ELEMENTWISE and kind_of_unknown(call, acts[0][0]) == "mixes"):
        linear = ("avg_pool", "interpolate", "pad", "upsample", "fold", MODULE)  # of a module nothing else was seen
        bare = _bare(acts) if any(word in call.name for word in linear) else ()
        return Chain(number, min(made, Made.MADE), waiting=every, bare=bare)
    return _elementwise(call, facts, acts, out)


def _moved(call: Call, acts: Sequence[tuple[Tensor, Chain]], index: int) -> Chain:
    """Behind a call that moves elements, joins tensors or reduces one over some of its axes."""
    out, number, first = call.outs[index], call.number + index, acts[0][1]
    if call.name in REDUCTIONS | SPREADS:
        return _reduced(call, first, number, index)
    waiting = () if out.numel() > sum(x.numel() for x, _ in acts) else _last(acts)
    made = min(f.made for _, f in acts)
    made = made if all(f.affine for _, f in acts) else min(made, Made.MADE)
    stacked = call.axes(1, 0) % out.ndim if call.name == STACKS and len(acts) > 1 else None
    return Chain(number, made, stacked=stacked, waiting=waiting, bare=_bare(acts))


def _reduced(call: Call, first: Chain, number: int, index: int) -> Chain:
    """A statistic; or maxout, where pieces that functions with weights gave are compared."""
    if call.name in _LARGER | {"amax", "amin"} and first.made is Made.DIRECT and first.affine and index == 0:
        return Chain(number, Made.MADE, False, number, parts=(number,), waiting=(*first.waiting, number))
    waiting = first.waiting if call.name in REDUCTIONS else ()
    bare = first.bare if first.affine and call.name in ("mean", "sum") else ()
    return Chain(number, Made.RAW, waiting=waiting, sums=call.name == "sum", bare=bare)


def _written(call: Call, facts: Sequence[Chain | None], acts: Sequence[tuple[Tensor, Chain]]) -> Chain:
    """x[index] = value."""
    target = facts[0]
    if target is None or target.made < Made.RAW:
        return Chain(call.number, min(f.made for _, f in acts), waiting=_last(acts))
    rest = [f for _, f in acts[1:]]
    if not rest:
        return replace(target, scale=None)
    if all(f.start == target.start for f in rest):
        return _tipped(call, target.start, acts, merged=len(target.parts) > 0)
    return Chain(call.number, min(target.made, Made.MADE), waiting=_last(acts))


def _elementwise(call: Call, facts: Sequence[Chain | None], acts: Sequence[tuple[Tensor, Chain]], out: Tensor) -> Chain:
    floating = [(x, f) for x, f in acts if x.is_floating_point()]
    starts = {f.start for _, f in floating}
    if len(starts) == 1:  # masks that come from elsewhere are constants
        acts = [(x, f) for x, f in acts if f.start in starts or x.is_floating_point()]
    starts = {f.start for _, f in acts}
    whole = [(x, f) for x, f in acts if x.shape == out.shape]
    if len(starts) > 1 or len(whole) < len(acts):
        return _mixed(call, acts, whole, out)
    if any(f is not None and f.made is Made.NOISE for f in facts) and touches(call, "mul"):
        return Chain(call.number, Made.RAW)
    start = acts[0][1].start
    if is_affine(call, [x for x, _ in acts], [f.affine for _, f in acts]):
        return _scaled(call, acts)
    return _tipped(call, start, acts, merged=len(acts) > 1)


def _tipped(call: Call, start: int, acts: Sequence[tuple[Tensor, Chain]], merged: bool) -> Chain:
    """A call that is not affine in the start; a comparison waits for what makes numbers of it."""
    parts = tuple(dict.fromkeys(n for _, f in acts for n in f.parts))
    own = acts[0][1]
    if not call.outs[0].is_floating_point():
        return Chain(start, own.made, False, parts=parts, waiting=_last(acts), scale=None)
    before = tuple(n for n in _last(acts) if n not in parts)
    scale = 1 / own.scale if call.name == "tanh" and own.affine and own.scale not in (None, 0.0, 1.0) else None
    return Chain(
        start, own.made, False, call.number, call.name, call.name in NONLINEAR, merged, (*parts, call.number),
        (*before, call.number)[-_LONGEST:], scale,
    )  # fmt: skip


def _scaled(call: Call, acts: Sequence[tuple[Tensor, Chain]]) -> Chain:
    """Behind a call that is affine in what it was given; a scalar factor behind an unnamed tip belongs to it."""
    first = acts[0][1]
    if not first.affine and first.tip is None and call.outs[0].is_floating_point():
        return _tipped(call, first.start, acts, merged=False)  # numbers made of a comparison
    factor = scalar_factor(call) if len(acts) == 1 else None
    if factor is None:
        return first if call.name in IDENTITY else replace(first, scale=None, name="", waiting=_last(acts))
    if first.affine:
        return replace(first, scale=factor)
    if not first.named:
        waiting = tuple(call.number if n == first.tip else n for n in first.waiting)
        return replace(first, tip=call.number, parts=(*first.parts, call.number), waiting=waiting)
    cap = first.tip if first.scale is not None and abs(first.scale - factor) <= 1e-4 * abs(factor) else first.capped
    return replace(first, scale=None, name="", capped=cap)


def _mixed(
    call: Call, acts: Sequence[tuple[Tensor, Chain]], whole: Sequence[tuple[Tensor, Chain]], out: Tensor
) -> Chain:
    """A function of several activations, or of one that was broadcast."""
    number, made = call.number, max(f.made for _, f in acts)
    weighted = (touches(call, "mul") or touches(call, "div")) and any(f.made is not Made.DIRECT for _, f in acts)
    waiting = () if weighted and len(whole) == len(acts) else _last(whole)  # what weighs others is no layer's output
    if touches(call, "div") and acts[0][1].name == "exp" and acts[-1][1].sums:
        return Chain(number, Made.RAW)  # a softmax by hand
    direct = len(whole) == len(acts) == 2 and all(f.affine and f.made is Made.DIRECT for _, f in acts)
    if direct and call.name in _LARGER:  # maxout of two layers
        return Chain(number, Made.MADE, False, number, parts=(number,), waiting=(*waiting, number))
    gate = _gate(call, whole) if len(whole) == len(acts) else None
    if gate is not None:
        waiting = (*(n for n in waiting if n not in gate.parts), number)
        parts = (*gate.parts, number)
        return Chain(number, Made.MADE, False, number, merged=True, parts=parts, waiting=waiting)
    return Chain(number, min(made, Made.MADE) if whole else Made.RAW, waiting=waiting)


def _gate(call: Call, whole: Sequence[tuple[Tensor, Chain]]) -> Chain | None:
    """The gate of a * sigmoid(b), where a and b are what functions with weights gave."""
    if len(whole) != 2 or not touches(call, "mul"):
        return None
    for (_, a), (_, b) in (whole, whole[::-1]):
        if a.affine and a.made is b.made is Made.DIRECT and b.name in _GATES and len(b.parts) == 1:
            return b
    return None


def _last(acts: Sequence[tuple[Tensor, Chain]]) -> tuple[int, ...]:
    """The tips that wait, each once, the latest last."""
    return tuple(sorted({n for _, f in acts for n in f.waiting}))[-_LONGEST:]


def _bare(acts: Sequence[tuple[Tensor, Chain]]) -> tuple[int, ...]:
    return acts[0][1].bare[-_LONGEST:] if len(acts) == 1 and acts[0][1].affine else ()
