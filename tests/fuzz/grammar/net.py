"""A net and its data from a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..layout import BATCH, Layout, places, units
from .parts import INSIDE, Operation, grown, head, part
from .rows import LENGTHS, ROWS
from .weights import embedding
from .writer import Book, Value, Writer

ROOT: tuple[Operation, ...] = (*INSIDE, *ROWS, *ROWS, *[part] * 8)
WORDS = 20
KINDS = ("vector", "image", "image", "signal", "sequence", "sequence", "tokens", "lengths", "lengths")


@dataclass(frozen=True)
class Random:
    """A net, what its layers hold, and how it is to be counted."""

    seed: int
    plain: str  # source
    taped: str  # the same source, which hands each output to the reference
    layouts: tuple[tuple[Layout, bool], ...]
    operations: tuple[str, ...]
    data: str  # kind
    shape: tuple[int, ...]  # of one example
    examples: int
    batch: int
    panel: int
    double: bool
    everything: bool  # layers="*"


def random_net(seed: int) -> Random:
    rng, book = np.random.default_rng([seed, 18]), Book()
    data = KINDS[int(rng.integers(len(KINDS)))]
    w = Writer(rng, book, "Net", ["x", "length"] if data == "lengths" else ["x"])
    shape, h = _start(w, data)
    if data == "lengths":
        h = grown(w, h, LENGTHS, w.pick([0, 1]))
    h = grown(w, h, INSIDE, int(w.rng.integers(1, 4)))
    way = w.pick([""] * 6 + ["all", "rows"])
    classes = int(rng.integers(2, 6))
    if way == "all":
        _exit_of_all(w, h, classes)
    elif way == "rows":
        h = _exit_of_rows(w, h, classes)
    h = grown(w, h, ROOT, int(w.rng.integers(3, 9)))
    w.close(_ended(w, h, classes, way))
    return Random(
        seed, book.source(False), book.source(True), tuple(book.layouts), tuple(book.kinds), data, shape,
        examples=int(rng.integers(4, 41)), batch=w.pick([1, 3, 7, 32]), panel=w.pick([4, 8, 64]),
        double=w.chance(0.5) or "experts" in book.kinds, everything=w.chance(0.5),
    )  # fmt: skip


def _start(w: Writer, data: str) -> tuple[tuple[int, ...], Value]:
    """The shape of an example, and the first value."""
    channels, length, side = int(w.rng.integers(2, 9)), int(w.rng.integers(3, 8)), w.pick([4, 6, 8])
    w.beside.append("k")
    first: Layout = ((BATCH,),)
    if data == "vector":
        shape, layout = (channels,), (*first, units(channels))
    elif data == "image":
        channels = w.pick([1, 3, 4])
        shape, layout = (channels, side, side), (*first, units(channels), places(side), places(side))
    elif data == "signal":
        shape, layout = (channels, side), (*first, units(channels), places(side))
    elif data == "tokens":
        w.say(f"k = x[:, 0] - {WORDS // 2}")
        return (length,), embedding(w, "x", length, WORDS)
    else:
        shape, layout = (length, channels), (*first, places(length), units(channels))
    w.say(f"k = x.flatten(1)[:, {int(w.rng.integers(channels))}]")
    if data == "lengths":
        w.beside.append("n")
        w.length = length
        w.say("n = length")
    return shape, Value("x", layout)


def _exit_of_all(w: Writer, h: Value, classes: int) -> None:
    """The whole batch leaves early, if every example may."""
    w.say(f"if bool((k > {w.pick(['0', '-0.5'])}).all()):")
    w.indent += "    "
    end = head(w, h, classes)
    w.say(f"return {end.var}")
    w.indent = "        "
    w.book.kinds.append("exit_of_all")


def _exit_of_rows(w: Writer, h: Value, classes: int) -> Value:
    """Each example leaves early where it may; the others go on."""
    if h.layout[0] != (BATCH,):
        return h
    w.say("done = k > 0", f"leaving = {h.var}[done]")
    end = head(w, replace(h, var="leaving"), classes)
    w.say(f"early = {end.var}", "if done.all():", "    return early")
    w.saved.clear()
    stays = w.let(f"{h.var}[~done]", h, rows="rest")
    w.say(*(f"{name} = {name}[~done]" for name in w.beside))
    w.book.kinds.append("exit_of_rows")
    return stays


def _ended(w: Writer, h: Value, classes: int, way: str) -> str:
    """What the net returns."""
    if h.rows == "rest":
        late = head(w, h, classes)
        w.say(
            f"answers = early.new_zeros(len(done), {classes})", "answers[done] = early", f"answers[~done] = {late.var}"
        )
        return "answers"
    if way or w.chance(0.85):
        last = head(w, h, classes)
        if last.rows.startswith("order") and w.chance(0.5):
            last = w.let(f"{last.var}[{last.rows}.argsort()]", last)
        return w.pick([last.var, last.var, last.var, f"{{'logits': {last.var}}}", f"({last.var}, {h.var})"])
    return h.var
