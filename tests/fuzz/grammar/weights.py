"""Layers with weights, and what normalises."""

from __future__ import annotations

from ..layout import BATCH, Layout, as_places, known, places, pure, size, units
from .writer import Value, Writer


def linear(w: Writer, h: Value) -> Value | None:
    last = h.layout[-1]
    if BATCH in last or not known(last) or len(h.layout) < 2:
        return None
    out = int(w.rng.integers(2, 9))
    layout = (*map(as_places, h.layout[:-1]), units(out))
    way = w.pick(["module"] * 5 + ["linear", "matmul", "einsum", "again"])
    if way == "again":
        alike = [(name, n) for name, kind, (taken, n) in _of(w, "linear") if taken == size(last)]
        if alike:
            name, out = w.pick(alike)
            return w.call(name, h, (*layout[:-1], units(out)))
        way = "module"
    if way == "module":
        name = w.own("lin", f"nn.Linear({size(last)}, {out}, bias={w.chance(0.8)})")
        w.modules.append((name, "linear", (size(last), out)))
        return w.call(name, h, layout)
    weight = w.own("weight", f"nn.Parameter(torch.randn({out}, {size(last)}) / {size(last)} ** 0.5)")
    code = {
        "linear": f"F.linear({h.var}, self.{weight})",
        "matmul": f"{h.var} @ self.{weight}.t()",
        "einsum": f'torch.einsum("...c,oc->...o", {h.var}, self.{weight})',
    }[way]
    return w.function(way, code, h, layout)


def _of(w: Writer, kind: str) -> list[tuple[str, str, tuple[int, int]]]:
    return [m for m in w.modules if m[1] == kind]


def convolution(w: Writer, h: Value) -> Value | None:
    axes = len(h.layout) - 2
    if axes not in (1, 2) or BATCH not in h.layout[0] or any(BATCH in axis for axis in h.layout[1:]):
        return None
    if not all(known(axis) for axis in h.layout[1:]):
        return None
    given, spatial = size(h.layout[1]), [size(axis) for axis in h.layout[2:]]
    out = int(w.rng.integers(2, 7)) * (4 if axes == 2 and w.chance(0.25) else 1)
    way = w.pick(["3"] * 4 + ["1", "stride", "depthwise", "transposed", "function"])
    if (way == "stride" and min(spatial) < 4) or (way == "transposed" and max(spatial) > 6):
        way = "3"
    groups = 1
    if way == "depthwise":
        out, groups = given * w.pick([1, 2]), given
    module, rest, after = f"nn.Conv{axes}d", f"3, padding=1, groups={groups}", spatial
    if way == "1":
        rest = "1"
    elif way == "stride":
        rest, after = "3, stride=2, padding=1", [(n + 1) // 2 for n in spatial]
    elif way == "transposed":
        module, rest, after = f"nn.ConvTranspose{axes}d", "2, stride=2", [2 * n for n in spatial]
    layout = (as_places(h.layout[0]), units(out), *(places(n) for n in after))
    if way == "function":
        shape = ", ".join(map(str, (out, given, *([3] * axes))))
        weight = w.own("weight", f"nn.Parameter(torch.randn({shape}) / {given * 3**axes} ** 0.5)")
        return w.function(f"conv{axes}d", f"F.conv{axes}d({h.var}, self.{weight}, padding=1)", h, layout)
    return w.call(w.own("conv", f"{module}({given}, {out}, {rest})"), h, layout)


def norm(w: Writer, h: Value) -> Value | None:
    if len(h.layout) < 2 or any(BATCH in axis for axis in h.layout[1:]) or not all(map(known, h.layout[1:])):
        return None
    channels, last = h.layout[1], h.layout[-1]
    ways = []
    if pure(last, "C"):
        ways += ["layer", "layer", "rms"]
    if pure(channels, "C") and BATCH in h.layout[0] and sum(pure(axis, "C") for axis in h.layout) == 1:
        ways += ["batch", "group"] if len(h.layout) in (2, 3, 4) else []
    if not ways:
        return None
    way = w.pick(ways)
    if way in ("layer", "rms"):
        return w.call(w.own("norm", f"nn.{'LayerNorm' if way == 'layer' else 'RMSNorm'}({size(last)})"), h)
    if way == "group" and (len(h.layout) > 2 or size(channels) > 2):
        groups = w.pick([n for n in (1, 2) if size(channels) % n == 0])
        return w.call(w.own("norm", f"nn.GroupNorm({groups}, {size(channels)})"), h)
    axes = max(1, len(h.layout) - 2)
    name = w.own("bn", f"nn.BatchNorm{axes}d({size(channels)})")
    w.init.append(f"        self.{name}.running_mean.normal_()")
    w.init.append(f"        self.{name}.running_var.uniform_(0.5, 2)")
    return w.call(name, h)


def embedding(w: Writer, var: str, length: int, words: int) -> Value:
    """The values of tokens (examples, length)."""
    out = int(w.rng.integers(3, 9))
    name = w.own("embed", f"nn.Embedding({words}, {out})")
    layout: Layout = ((BATCH,), places(length), units(out))
    return w.call(name, Value(var, ((BATCH,), places(length))), layout)


WEIGHTS = (linear, linear, linear, convolution, convolution, convolution, norm)
