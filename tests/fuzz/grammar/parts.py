"""Modules inside the net with a forward of their own, and how a net ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..layout import BATCH, Layout, elements, known, pure, size, units
from .nonlinear import NONLINEAR
from .sequences import SEQUENCES
from .shapes import SHAPES
from .weights import WEIGHTS
from .writer import Value, Writer

Operation = Callable[[Writer, Value], Value | None]
INSIDE: tuple[Operation, ...] = (*WEIGHTS, *WEIGHTS, *NONLINEAR, *NONLINEAR, *SHAPES, *SEQUENCES)
LARGEST = 1200  # elements of one example


def grown(w: Writer, h: Value, operations: Sequence[Operation], steps: int) -> Value:
    """The value after some operations, each drawn from those that fit."""
    done = 0
    for _ in range(12 * steps):
        if done == steps:
            break
        operation = w.pick(operations)
        after = operation(w, h)
        if after is None or elements(after.layout) > LARGEST:
            continue
        w.book.kinds.append(operation.__name__)
        if after.rows == h.rows and w.chance(0.5):
            w.saved.append(after)
        h, done = after, done + 1
    return h


def part(w: Writer, h: Value) -> Value | None:
    """A block: with a sum around it where the shapes allow, called once or twice, alone or in a list."""
    book, name = w.book, f"Part{len(w.book.classes)}"
    inner = Writer(w.rng, book, name, ["h"])
    start = replace(h, var="h")
    inner.saved.append(start)
    end = grown(inner, start, INSIDE, int(w.rng.integers(2, 5)))
    end = _back(inner, start, end)
    same = end.layout == start.layout
    inner.close(f"h + {end.var}" if same and w.chance(0.7) else end.var)
    if same and w.chance(0.3):
        return _listed(w, h, name)
    own = w.own("part", f"{name}()")
    after = w.call(own, h, end.layout, drawn=end.drawn)
    return w.call(own, after) if same and w.chance(0.4) else after


def _listed(w: Writer, h: Value, name: str) -> Value:
    blocks, after = w.own("blocks", f"nn.ModuleList({name}() for _ in range(2))"), replace(h, var=w.fresh("h"))
    w.say(
        f"{after.var} = {h.var}", f"for i, block in enumerate(self.{blocks}):", f"    {after.var} = block({after.var})"
    )
    w.indent += "    "
    w.module_tape(blocks + ".{i}", after)
    w.indent = "        "
    return after


def _back(w: Writer, start: Value, end: Value) -> Value:
    """To the layout at the start, where one layer does it."""
    if len(start.layout) != len(end.layout) or not pure(start.layout[-1], "C") or BATCH in end.layout[-1]:
        return end
    if start.layout[:-1] != end.layout[:-1] or len(start.layout[-1]) > 1 or not known(end.layout[-1]):
        return end
    if start.layout == end.layout or len(start.layout) < 2:
        return end
    back = w.own("lin", f"nn.Linear({size(end.layout[-1])}, {size(start.layout[-1])})")
    return w.call(back, end, start.layout)


def head(w: Writer, h: Value, classes: int) -> Value:
    """(examples, classes) of any value."""
    h = _in_front(w, h)
    unknown = [a for a, axis in enumerate(h.layout) if a and not known(axis)]
    for a in reversed(unknown):
        h = w.let(f"{h.var}.mean({a})", h, (*h.layout[:a], *h.layout[a + 1 :]))
    if len(h.layout) == 1:
        return w.let(f"{h.var}[:, None]", h, (*h.layout, ()))
    if len(h.layout) > 2:
        rest = tuple(factor for axis in h.layout[1:] for factor in axis)
        h = w.let(f"{h.var}.flatten(1)", h, ((BATCH,), rest))
    width = elements(h.layout)
    return w.call(w.own("head", f"nn.Linear({width}, {classes})"), h, ((BATCH,), units(classes)))


def _in_front(w: Writer, h: Value) -> Value:
    """With the batch, and it alone, on axis 0."""
    a = next(a for a, axis in enumerate(h.layout) if BATCH in axis)
    while len(h.layout[a]) > 1:
        axis = h.layout[a]
        at = 1 if axis[0] == BATCH else axis.index(BATCH)
        left, right = axis[:at], axis[at:]
        sizes = [-1 if BATCH in part else size(part) for part in (left, right)]
        layout: Layout = (*h.layout[:a], left, right, *h.layout[a + 1 :])
        h = w.let(f"{h.var}.unflatten({a}, ({sizes[0]}, {sizes[1]}))", h, layout)
        a = next(a for a, axis in enumerate(h.layout) if BATCH in axis)
    if a == 0:
        return h
    layout = (h.layout[a], *h.layout[:a], *h.layout[a + 1 :])
    return w.let(f"{h.var}.movedim({a}, 0)", h, layout)
