"""Which functions act on each element alone, and which of those are affine: by name, or by trying them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .dataflow import Call
from .functions import CHANNEL_NORMS, LAST_AXIS_NORMS, POINTWISE

_FAMILIES = {
    "add": frozenset({"add", "radd", "iadd", "sub", "subtract", "rsub", "isub", "lerp", "addcmul"}),
    "mul": frozenset({"mul", "multiply", "rmul", "imul"}),
    "div": frozenset({"div", "divide", "true_divide", "truediv", "itruediv"}),
}
IDENTITY = frozenset({
    "alpha_dropout", "bfloat16", "clone", "contiguous", "cpu", "cuda", "detach", "double", "dropout", "dropout1d",
    "dropout2d", "dropout3d", "feature_alpha_dropout", "feature_dropout", "float", "half", "nan_to_num", "positive",
    "requires_grad", "to", "type", "type_as", "native_dropout",
    "round", "floor", "ceil", "trunc", "fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine",
})  # fmt: skip
_COMPARES = frozenset({
    "gt", "lt", "ge", "le", "eq", "ne", "greater", "less", "greater_equal", "less_equal", "not_equal", "isnan",
    "isinf", "isfinite", "logical_and", "logical_or", "logical_not", "and", "or", "xor", "invert", "bitwise_not",
    "bool",
})  # fmt: skip
_MIXES = CHANNEL_NORMS | LAST_AXIS_NORMS | {"softmax", "log_softmax", "normalize", "local_response_norm", "glu"}
ELEMENTWISE = (POINTWISE | IDENTITY | _COMPARES | {"max", "min", "fmax", "fmin"}).union(*_FAMILIES.values()) - _MIXES
_CLAMPS = frozenset({"clamp", "clip", "clamp_min", "clamp_max", "hardtanh"})
_FAR = 100.0  # a bound that no activation of a working net reaches guards against overflow


def touches(call: Call, family: str) -> bool:
    """Whether a call is one of the spellings of "add", "mul" or "div"."""
    return call.name in _FAMILIES[family]


def is_affine(call: Call, acts: Sequence[Tensor], affine: Sequence[bool]) -> bool:
    """Whether an elementwise call is affine in the activation that its inputs `acts` are functions of.

    affine: whether each of them is so itself; it matters where there are several. All other inputs are constants.

    >>> x, two = torch.ones(3), torch.full((3,), 2.0)
    >>> def asked(name, *args):
    ...     tensors = tuple(a for a in args if isinstance(a, torch.Tensor))
    ...     return is_affine(Call(name, getattr(torch, name), args, {}, tensors, (3,), (x,)), [x], [True])
    >>> asked("mul", x, two), asked("div", x, two), asked("div", two, x), asked("clamp", x, 0)
    (True, True, False, False)
    """
    several = len(acts) > 1
    if several and not all(affine):
        return False
    if call.name in IDENTITY or call.name in _FAMILIES["add"] or call.name == "neg":
        return True
    if call.name in _FAMILIES["mul"]:
        return not several
    if call.name in _FAMILIES["div"]:
        return not several and call.args[0] is acts[0] and call.kwargs.get("rounding_mode") is None
    if call.name == "where":
        return not any(call.args[0] is x for x in acts)
    if call.name == "masked_fill":
        return not several
    if call.name in _CLAMPS:
        return _guards(call)
    return call.name not in ELEMENTWISE and kind_of_unknown(call, acts[0]) == "affine"


def scalar_factor(call: Call) -> float | None:
    """The number by which a call multiplies; None where it does anything else."""
    if call.name == "neg":
        return -1.0
    other = next((a for a in call.args if isinstance(a, (int, float)) and not isinstance(a, bool)), None)
    other = call.kwargs.get("other", other)
    if len(call.args) > 2 or not isinstance(other, (int, float)) or call.kwargs.get("rounding_mode"):
        return None
    if touches(call, "mul"):
        return float(other)
    return 1 / other if touches(call, "div") and other else None


def kind_of_unknown(call: Call, x: Tensor) -> str:
    """What a call that no rule knows does to `x`: "mixes" its elements, or is "affine" or "nonlinear" in each.

    It is tried on random numbers: where half of them change, what stands at the others must not.
    """
    out = call.outs[0]
    if len(call.outs) > 1 or not out.is_floating_point() or not x.is_floating_point() or out.shape != x.shape:
        return "mixes"
    if "out" in call.kwargs or any(out is other for other in call.inputs if other is not x):
        return "mixes"  # it writes into another tensor of the net's
    small = x[tuple(slice(4) for _ in x.shape)] if len(call.inputs) == 1 else x
    rng = torch.Generator().manual_seed(0)
    base = torch.randn(small.shape, generator=rng)
    changed = torch.rand(small.shape, generator=rng) < 0.5
    try:
        with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []), torch.no_grad():
            first, second = (_tried(call, x, t) for t in (base, torch.where(changed, base + 1.5, base)))
            if not torch.equal(first[~changed].nan_to_num(), second[~changed].nan_to_num()):
                return "mixes"
            left, right = (_tried(call, x, base + step) for step in (-2.0, 2.0))
    except Exception:  # whatever a function raises that was not written for such numbers
        return "mixes"
    bend = (left - 2 * first + right).nan_to_num()
    return "affine" if bool((bend.abs() <= 1e-3 * (left.abs() + right.abs() + 1)).all()) else "nonlinear"


def _tried(call: Call, x: Tensor, values: Tensor) -> Tensor:
    given = values.to(x.device, x.dtype)

    def replaced(a: Any) -> Any:
        return given.clone() if a is x else a.clone() if isinstance(a, Tensor) else a

    out: Tensor = call.function(*map(replaced, call.args), **{k: replaced(v) for k, v in call.kwargs.items()})
    if out.shape != values.shape:
        raise ValueError
    return out.detach().cpu().float()


def _guards(call: Call) -> bool:
    """Whether both bounds of a clamp are out of reach."""
    low = call.argument(1, "min_val" if call.name == "hardtanh" else "min", -1.0 if call.name == "hardtanh" else None)
    high = call.argument(2, "max_val" if call.name == "hardtanh" else "max", 1.0 if call.name == "hardtanh" else None)
    if call.name == "clamp_max":
        low, high = None, call.argument(1, "max")
    far = [bound is None or (isinstance(bound, (int, float)) and abs(bound) >= _FAR) for bound in (low, high)]
    return all(far)
