"""Recurrent nets, attention and transformer layers, batch first or time first."""

from __future__ import annotations

from dataclasses import replace

from ..layout import BATCH, Factor, Layout, as_places, has, known, places, pure, size, units
from .writer import Value, Writer


def _form(h: Value) -> str:
    """The order of the axes: BSC, SBC, or nothing where it is no sequence."""
    if len(h.layout) != 3 or not known(h.layout[2]) or BATCH in h.layout[2]:
        return ""
    first, second = h.layout[:2]
    if BATCH in first and BATCH not in second and known(second):
        return "BSC"
    return "SBC" if second == (BATCH,) and known(first) else ""


def recurrent(w: Writer, h: Value) -> Value | None:
    form = _form(h)
    if not form:
        return None
    kind, hidden, two = w.pick(["LSTM", "GRU", "RNN"]), int(w.rng.integers(2, 5)), w.chance(0.3)
    options = f", bidirectional={two}, num_layers={w.pick([1, 1, 2])}, batch_first={form == 'BSC'}"
    name = w.own("rnn", f"nn.{kind}({size(h.layout[2])}, {hidden}{options})")
    layout: Layout = (*map(as_places, h.layout[:2]), units(hidden * (2 if two else 1)))
    if form == "BSC" and h.layout[0] == (BATCH,) and w.chance(0.3):
        return _last_state(w, h, name, kind, layout, hidden)
    return w.call(name, h, layout, f"self.{name}({h.var})[0]")


def _last_state(w: Writer, h: Value, name: str, kind: str, layout: Layout, hidden: int) -> Value:
    """The net goes on with the last state alone."""
    out, state = w.fresh("out"), w.fresh("state")
    w.say(f"{out}, {state} = self.{name}({h.var})")
    w.module_tape(name, replace(h, var=out, layout=layout))
    return w.let(f"{state}[0][-1]" if kind == "LSTM" else f"{state}[-1]", h, ((BATCH,), units(hidden)))


def cell(w: Writer, h: Value) -> Value | None:
    """One cell, called once for each moment."""
    if _form(h) != "BSC" or h.layout[0] != (BATCH,) or size(h.layout[1]) > 6:
        return None
    kind, hidden = w.pick(["LSTM", "GRU", "RNN"]), int(w.rng.integers(2, 5))
    name = w.own("cell", f"nn.{kind}Cell({size(h.layout[2])}, {hidden})")
    state, after = w.fresh("state"), replace(h, layout=((BATCH,), units(hidden)))
    w.say(f"{state} = None", f"for t in range({size(h.layout[1])}):")
    w.say(f"    {state} = self.{name}({h.var}[:, t], {state})")
    w.indent += "    "
    w.module_tape(name, after)
    w.indent = w.indent[:-4]
    return w.let(f"{state}[0]" if kind == "LSTM" else state, after)


def attention_module(w: Writer, h: Value) -> Value | None:
    form = _form(h)
    if not form or (BATCH,) not in h.layout[:2]:
        return None
    width = size(h.layout[2])
    heads = w.pick([n for n in (1, 2) if width % n == 0])
    name = w.own("attn", f"nn.MultiheadAttention({width}, {heads}, batch_first={form == 'BSC'})")
    layout: Layout = (*map(as_places, h.layout[:2]), units(width))
    after = w.call(name, h, layout, f"self.{name}({h.var}, {h.var}, {h.var})[0]")
    return w.let(f"{h.var} + {after.var}", after) if w.chance(0.5) and h.layout == after.layout else after


def transformer(w: Writer, h: Value) -> Value | None:
    """PyTorch's own encoder layer; its relu is what its dropout is given."""
    form = _form(h)
    if not form or (BATCH,) not in h.layout[:2] or size(h.layout[2]) % 2 or not pure(h.layout[2], "C"):
        return None
    if any(has(axis, "C") for axis in h.layout[:2]):
        return None  # it adds what has its units here to what has them there
    width, inner = size(h.layout[2]), int(w.rng.integers(2, 7))
    options = f"norm_first={w.chance(0.5)}, batch_first={form == 'BSC'}"
    name = w.own("block", f"nn.TransformerEncoderLayer({width}, 2, {inner}, {options})")
    layout: Layout = (*map(as_places, h.layout[:2]), units(width))
    after = w.let(f"self.{name}({h.var})", h, layout)
    wide = replace(after, layout=(*layout[:2], units(inner)))
    for part in ("linear1", "dropout", "<dropout:relu"):
        w.module_tape(f"{name}.{part}", wide)
    for part in ("self_attn", "dropout1", "linear2", "dropout2", "norm1", "norm2"):
        w.module_tape(f"{name}.{part}", after)
    w.module_tape(name, after)
    return after


def by_hand(w: Writer, h: Value) -> Value | None:
    """Queries, keys and values with one head or several."""
    if _form(h) != "BSC" or h.layout[0] != (BATCH,):
        return None
    given, heads, each = size(h.layout[2]), w.pick([1, 2]), int(w.rng.integers(2, 5))
    width, n = heads * each, size(h.layout[1])
    made = replace(h, layout=((BATCH,), as_places(h.layout[1]), units(width)))
    q, k, v = (w.call(w.own(stem, f"nn.Linear({given}, {width})"), h, made.layout).var for stem in "qkv")
    if heads == 1:
        scores = w.let(f"torch.softmax({q} @ {k}.transpose(1, 2) / {width} ** 0.5, -1)", made)
        return w.let(f"{scores.var} @ {v}", made)
    parts = [w.fresh(stem) for stem in "qkv"]
    for part, whole in zip(parts, (q, k, v), strict=True):
        w.say(f"{part} = {whole}.unflatten(-1, ({heads}, {each})).transpose(1, 2)")
    inside: Layout = ((BATCH,), units(heads), as_places(h.layout[1]), units(each))
    code = f"F.scaled_dot_product_attention({', '.join(parts)})"
    attended = w.function("scaled_dot_product_attention", code, h, inside)
    return w.let(f"{attended.var}.transpose(1, 2).reshape(-1, {n}, {width})", made)


def class_token(w: Writer, h: Value) -> Value | None:
    if _form(h) != "BSC" or h.layout[0] != (BATCH,) or not pure(h.layout[2], "C") or not known(h.layout[1]):
        return None
    if has(h.layout[1], "C"):
        return None
    width, n = size(h.layout[2]), size(h.layout[1])
    token = w.own("token", f"nn.Parameter(torch.randn(1, 1, {width}))")
    layout: Layout = (h.layout[0], places(n + 1), h.layout[2])
    return w.let(f"torch.cat([self.{token}.expand({h.var}.shape[0], 1, {width}), {h.var}], 1)", h, layout)


def time_first(w: Writer, h: Value) -> Value | None:
    """Time in front, or the batch in front again."""
    if not _form(h):
        return None
    return w.let(f"{h.var}.transpose(0, 1)", h, (h.layout[1], h.layout[0], h.layout[2]))


def folded_time(w: Writer, h: Value) -> Value | None:
    """Every moment as if it were an example, through the next layers, or back again."""
    first = h.layout[0]
    if len(first) == 2 and BATCH in first and all(f.size for f in first if f != BATCH):
        sizes = ", ".join("-1" if f == BATCH else str(f.size) for f in first)
        back: Layout = ((first[0],), (first[1],), *h.layout[1:])
        return w.let(f"{h.var}.unflatten(0, ({sizes}))", h, back)
    if len(h.layout) < 3 or BATCH not in (*first, *h.layout[1]) or len(first) + len(h.layout[1]) != 2:
        return None
    if Factor("S") in (*first, *h.layout[1]):
        return None
    return w.let(f"{h.var}.flatten(0, 1)", h, ((*first, *h.layout[1]), *h.layout[2:]))


SEQUENCES = (
    recurrent, recurrent, recurrent, cell, attention_module, attention_module, *[transformer] * 4, by_hand, by_hand,
    class_token, time_first, folded_time, folded_time,
)  # fmt: skip
