"""What changes the rows: sorts, routing to experts, exits, packed and ragged sequences, copies; and what mixes them."""

from __future__ import annotations

from dataclasses import replace

from ..layout import BATCH, Factor, Layout, as_places, known, places, pure, size, units
from .writer import Value, Writer


def reorder(w: Writer, h: Value) -> Value | None:
    """The examples in another order, or as they came again."""
    if h.layout[0] != (BATCH,) or not w.beside:
        return None
    order = w.fresh("order")
    if h.rows.startswith("order") and w.chance(0.6):
        w.say(f"{order} = {h.rows}.argsort()")
        back = w.let(f"{h.var}[{order}]", h, rows="all")
        w.say(*(f"{name} = {name}[{order}]" for name in w.beside))
        return back
    if h.rows != "all":
        return None
    way = w.pick(
        [f"k.argsort(descending={w.chance(0.5)})", "torch.arange(len(k)).flip(0)", "torch.arange(len(k)).roll(1)"]
    )
    w.say(f"{order} = {way}", *(f"{name} = {name}[{order}]" for name in w.beside))
    return w.let(w.pick([f"{h.var}[{order}]", f"{h.var}.index_select(0, {order})"]), h, rows=order)


def switch(w: Writer, h: Value) -> Value | None:
    """Each example goes to one of two experts."""
    last = h.layout[-1]
    if h.layout[0] != (BATCH,) or "k" not in w.beside or not known(last) or len(h.layout) < 2:
        return None
    out, mask, y = int(w.rng.integers(2, 7)), w.fresh("mask"), w.fresh("h")
    layout: Layout = (*map(as_places, h.layout[:-1]), units(out))
    made = replace(h, var=y, layout=layout)
    w.say(f"{mask} = k > {w.pick(['0', '0', '-0.5', '1'])}")
    w.say(f"{y} = {h.var}.new_zeros(*{h.var}.shape[:-1], {out})")
    guarded = w.chance(0.6)
    for which in (mask, f"~{mask}"):
        act = w.pick(["ReLU()", "GELU()", "Tanh()"])
        name = w.own("expert", f"nn.Sequential(nn.Linear({size(last)}, {out}), nn.{act})")
        if guarded:
            w.say(f"if ({which}).any():")
            w.indent += "    "
        w.say(f"{y}[{which}] = self.{name}({h.var}[{which}])")
        for part in (".0", ".1", ""):
            w.module_tape(name + part, made)
        w.indent = "        "
    return made


def experts(w: Writer, h: Value) -> Value | None:
    """Each position goes to one of several experts (or two), sorted by expert or picked out."""
    last = h.layout[-1]
    if BATCH not in h.layout[0] or BATCH in last or not pure(last, "C") or len(h.layout) not in (2, 3):
        return None
    if not all(known(axis) for axis in h.layout[1:]) or size(last) < 3:
        return None
    count, given, out = w.pick([2, 3]), size(last), int(w.rng.integers(2, 7))
    flat, route = w.fresh("flat"), w.fresh("route")
    w.say(f"{flat} = {h.var}.reshape(-1, {given})", f"{route} = {flat}[:, :{count}].argmax(-1)")
    made = (_picked if w.chance(0.5) else _sorted)(w, h, flat, route, count, out)
    return replace(made, layout=(*map(as_places, h.layout[:-1]), units(out)))


def _picked(w: Writer, h: Value, flat: str, route: str, count: int, out: int) -> Value:
    """As a loop over experts writes it; one activation serves them all."""
    given, y, i = size(h.layout[-1]), w.fresh("y"), w.fresh("i")
    name = w.own("experts", f"nn.ModuleList(nn.Linear({given}, {out}) for _ in range({count}))")
    act = w.own("act", f"nn.{w.pick(['ReLU()', 'SiLU()', 'GELU()'])}")
    inside = replace(h, var=y, layout=((BATCH, Factor("S")), units(out)))
    w.say(f"{y} = {flat}.new_zeros(len({flat}), {out})", f"for e in range({count}):")
    w.indent += "    "
    w.say(f"{i} = ({route} == e).nonzero()[:, 0]")
    if w.chance(0.6):
        w.say(f"if len({i}) == 0:", "    continue")
    part = w.fresh("part")
    w.say(f"{part} = self.{name}[e]({flat}[{i}])")
    w.module_tape(name + ".{e}", inside)
    w.say(f"{part} = self.{act}({part})")
    w.module_tape(act, inside)
    w.say(f"{y}[{i}] = {part}")
    w.indent = "        "
    return w.let(f"{y}.reshape(*{h.var}.shape[:-1], {out})", h)


def _sorted(w: Writer, h: Value, flat: str, route: str, count: int, out: int) -> Value:
    """As a grouped product writes it: all positions side by side in the order of their experts."""
    given, order, y = size(h.layout[-1]), w.fresh("place"), w.fresh("y")
    weight = w.own("weight", f"nn.Parameter(torch.randn({count}, {given}, {out}) / {given} ** 0.5)")
    act = w.own("act", f"nn.{w.pick(['ReLU()', 'SiLU()', 'GELU()'])}")
    sizes = w.fresh("sizes")
    w.say(f"{order} = {route}.argsort(stable=True)", f"{sizes} = {route}.bincount(minlength={count}).tolist()")
    parts = f"zip({flat}[{order}].split({sizes}), self.{weight})"
    w.say(f"{y} = torch.cat([part @ expert for part, expert in {parts}])", f"{y} = self.{act}({y})")
    w.module_tape(act, replace(h, var=y, layout=((BATCH, Factor("S")), units(out))))
    return w.let(f"{y}[{order}.argsort()].reshape(*{h.var}.shape[:-1], {out})", h)


def copies(w: Writer, h: Value) -> Value | None:
    """Two crops of each example beside each other in the batch, or their mean."""
    if h.layout[0] == (Factor("S", 2), BATCH) and w.chance(0.7):
        return w.let(f"sum({h.var}.chunk(2, 0)) / 2", h, ((BATCH,), *h.layout[1:]))
    if h.layout[0] != (BATCH,) or len(h.layout) < 3:
        return None
    if w.chance(0.5):
        return w.let(f"torch.cat([{h.var}, {h.var}.flip(-1)], 0)", h, ((Factor("S", 2), BATCH), *h.layout[1:]))
    return w.let(f"{h.var}.repeat_interleave(2, 0)", h, ((BATCH, Factor("S", 2)), *h.layout[1:]))


def packed(w: Writer, h: Value) -> Value | None:
    """Sequences of unequal lengths, packed for a recurrent net."""
    if "n" not in w.beside or h.layout[0] != (BATCH,) or len(h.layout) != 3 or not known(h.layout[2]):
        return None
    if h.layout[1] != places(w.length):
        return None
    kind, hidden = w.pick(["LSTM", "GRU"]), int(w.rng.integers(2, 5))
    name = w.own("rnn", f"nn.{kind}({size(h.layout[2])}, {hidden}, batch_first=True)")
    p, out, state = w.fresh("p"), w.fresh("out"), w.fresh("state")
    w.say(
        f"{p} = nn.utils.rnn.pack_padded_sequence({h.var}, n, batch_first=True, enforce_sorted=False)",
        f"{out}, {state} = self.{name}({p})",
    )
    inside = replace(h, var=out, layout=((BATCH, Factor("S")), units(hidden)))
    w.module_tape(name, inside)
    if w.chance(0.3):
        act = w.own("act", "nn.ReLU()")
        w.say(f"{out} = nn.utils.rnn.PackedSequence(self.{act}({out}.data), *{out}[1:])")
        w.module_tape(act, inside)
    if w.chance(0.5):
        return w.let(f"{state}[0][-1]" if kind == "LSTM" else f"{state}[-1]", h, ((BATCH,), units(hidden)))
    whole = f"nn.utils.rnn.pad_packed_sequence({out}, batch_first=True, total_length={w.length})[0]"
    return w.let(whole, h, (h.layout[0], h.layout[1], units(hidden)))


def ragged(w: Writer, h: Value) -> Value | None:
    """Only the positions that an example has, side by side."""
    if "n" not in w.beside or h.layout[0] != (BATCH,) or len(h.layout) != 3 or h.layout[1] != places(w.length):
        return None
    if not known(h.layout[2]):
        return None
    out, there, f, y = int(w.rng.integers(2, 7)), w.fresh("there"), w.fresh("f"), w.fresh("h")
    name, act = w.own("lin", f"nn.Linear({size(h.layout[2])}, {out})"), w.own("act", "nn.ReLU()")
    inside = replace(h, layout=((BATCH, Factor("S")), units(out)))
    w.say(f"{there} = torch.arange({w.length}) < n[:, None]", f"{f} = self.{name}({h.var}[{there}])")
    w.module_tape(name, inside)
    w.say(f"{f} = self.{act}({f})")
    w.module_tape(act, inside)
    w.say(f"{y} = {f}.new_zeros({h.var}.shape[0], {w.length}, {out})", f"{y}[{there}] = {f}")
    return replace(h, var=y, layout=(h.layout[0], h.layout[1], units(out)))


def cut_to_longest(w: Writer, h: Value) -> Value | None:
    """Padding beyond the longest of the batch is left out: what remains depends on the batch."""
    if "n" not in w.beside or h.layout[0] != (BATCH,) or len(h.layout) != 3 or h.layout[1] != places(w.length):
        return None
    return w.let(f"{h.var}[:, :int(n.max())]", h, (h.layout[0], (Factor("S"),), h.layout[2]))


def mixed(w: Writer, h: Value) -> Value | None:
    """An example's answer depends on the others of its batch."""
    if h.layout[0] != (BATCH,) or w.chance(0.6):
        return None
    ways = [f"{h.var} - {h.var}.mean(0, keepdim=True)", f"{h.var} / (1 + {h.var}.abs().max())"]
    ways += [f"{h.var} + {h.var}.roll(1, 0)", f"torch.softmax({h.var}, 0)", f"{h.var} + {h.var}.cumsum(0)"]
    if len(h.layout) in (2, 3, 4) and pure(h.layout[1], "C") and known(h.layout[1]):
        axes = max(1, len(h.layout) - 2)
        bn = w.own("bn", f"nn.BatchNorm{axes}d({size(h.layout[1])}, track_running_stats=False)")
        ways += [f"self.{bn}({h.var})"]
        code = w.pick(ways)
        return w.call(bn, h) if code.startswith("self") else w.let(code, h)
    return w.let(w.pick(ways), h)


def drawn(w: Writer, h: Value) -> Value | None:
    """Chance goes into it."""
    if w.chance(0.75):
        return None
    code = w.pick([f"F.dropout({h.var}, 0.5, training=True)", f"{h.var} + 0.5 * torch.randn_like({h.var})"])
    return w.let(code, h, drawn=True)


def remembering(w: Writer, h: Value) -> Value | None:
    """A net with a memory of its own."""
    if w.chance(0.75):
        return None
    if w.chance(0.5):
        name = w.own("calls", "0")
        w.say(f"self.{name} += 1")
    else:
        name = w.fresh("calls")
        w.init.append(f'        self.register_buffer("{name}", torch.zeros(()))')
        w.say(f"self.{name} += 1")
    return w.let(f"{h.var} * (1 + self.{name} % 3)", h)


LENGTHS = (packed, packed, ragged, cut_to_longest)
ROWS = (
    reorder, reorder, reorder, switch, switch, experts, experts, copies, copies, packed, packed, packed, ragged, ragged,
    cut_to_longest, mixed, drawn, remembering,
)  # fmt: skip
