"""Which axes of a product of two tensors hold the units."""

from __future__ import annotations

from collections.abc import Sequence

from torch.nn import Parameter

from .dataflow import Call

_ELLIPSIS = "."


def einsum_axes(call: Call, units: Sequence[tuple[int, ...] | None]) -> tuple[int, ...]:
    """The axes of the units in what torch.einsum gives; none where nothing tells them.

    units: the axes of the units of each operand; None where they are not known.

    Where one operand is a weight: the axes that only the weight brings. Otherwise those of the last operand whose
    units are all still there: the values in attention's product with its weights.
    """
    read = _terms(call)
    if read is None:
        return ()
    terms, out = read
    for index, (term, x) in enumerate(zip(terms, call.inputs, strict=True)):
        if isinstance(x, Parameter):
            beside = "".join(other for i, other in enumerate(terms) if i != index)
            return tuple(axis for axis, letter in enumerate(out) if letter in term and letter not in beside)
    for term, axes in zip(reversed(terms), reversed(units), strict=True):
        letters = [term[axis] for axis in axes] if axes else []
        if letters and all(letter in out for letter in letters):
            return tuple(sorted(out.index(letter) for letter in letters))
    return ()


def _terms(call: Call) -> tuple[list[str], str] | None:
    """One letter for each axis of each operand and of the output; axes behind "..." get capitals of their own."""
    equation = call.args[0] if call.args else None
    if not isinstance(equation, str):
        return None
    left, arrow, out = equation.replace(" ", "").replace("...", _ELLIPSIS).partition("->")
    terms = left.split(",")
    if len(terms) != len(call.inputs):
        return None
    if not arrow:
        letters = sorted(set(left) - {",", _ELLIPSIS})
        out = _ELLIPSIS * (_ELLIPSIS in left) + "".join(a for a in letters if left.count(a) == 1)
    spelled = [_spelled(term, x.ndim) for term, x in zip(terms, call.inputs, strict=True)]
    whole = _spelled(out, call.outs[0].ndim)
    fits = all(len(term) == x.ndim for term, x in zip(spelled, call.inputs, strict=True))
    return (spelled, whole) if fits and len(whole) == call.outs[0].ndim else None


def _spelled(term: str, ndim: int) -> str:
    """A term with a sign for each axis that "..." stands for, counted from the right, as broadcasting aligns them."""
    missing = ndim - len(term.replace(_ELLIPSIS, ""))
    return term.replace(_ELLIPSIS, "".join(chr(0x2460 + missing - 1 - i) for i in range(missing)))
