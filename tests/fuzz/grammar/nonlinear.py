"""Nonlinearities: as modules, functions, methods, in place, by hand."""

from __future__ import annotations

from ..layout import BATCH, Factor, Layout, as_places, known, pure, size, units
from .writer import Value, Writer

MODULES = (
    "ReLU()", "ReLU()", "ReLU(inplace=True)", "GELU()", "Tanh()", "Sigmoid()", "SiLU()", "LeakyReLU(0.1)", "ELU()",
    "Softplus()", "Hardswish()", "PReLU()", "Mish()", "Hardtanh(-0.5, 0.5)",
)  # fmt: skip
FUNCTIONS = (
    ("relu", "F.relu({h})"), ("relu", "torch.relu({h})"), ("relu", "{h}.relu()"), ("relu", "F.relu({h}, inplace=True)"),
    ("relu", "{h}.relu_()"), ("gelu", "F.gelu({h})"), ("tanh", "torch.tanh({h})"), ("sigmoid", "{h}.sigmoid()"),
    ("silu", "F.silu({h})"), ("leaky_relu", "F.leaky_relu({h}, 0.2)"), ("elu", "F.elu({h})"),
    ("softplus", "F.softplus({h})"), ("hardtanh", "F.hardtanh({h})"), ("mish", "F.mish({h})"),
)  # fmt: skip
BY_HAND = (
    ("clamp", "{h}.clamp(min=0)"), ("clamp", "torch.clamp({h}, -0.5, 0.5)"), ("clamp_min", "{h}.clamp_min(0)"),
    ("maximum", "torch.maximum({h}, {h}.new_zeros(()))"), ("where", "torch.where({h} > 0, {h}, 0.1 * {h})"),
    ("mul", "{h} * torch.sigmoid({h})"), ("mul", "{h} * torch.tanh(F.softplus({h}))"), ("mul", "{h} * ({h} > 0)"),
    ("square", "{h}.relu().square()"), ("sin", "torch.sin({h})"), ("exp", "torch.exp(-{h}.square())"),
)  # fmt: skip


def module(w: Writer, h: Value) -> Value | None:
    again = [name for name, kind, _ in w.modules if kind == "activation"]
    if again and w.chance(0.25):
        return w.call(w.pick(again), h)
    name = w.own("relu" if w.chance(0.05) else "act", f"nn.{w.pick(MODULES)}")
    w.modules.append((name, "activation", None))
    return w.call(name, h)


def function(w: Writer, h: Value) -> Value | None:
    name, code = w.pick(FUNCTIONS)
    return w.function(name, code.format(h=h.var), h)


def by_hand(w: Writer, h: Value) -> Value | None:
    """Spelled without a function of that name. What it calls on the way is taped too, as it would be listed."""
    name, code = w.pick(BY_HAND)
    code = code.format(h=h.var)
    for inner in ("sigmoid", "softplus", "tanh"):
        if f"{inner}({h.var})" in code:
            part = w.function(inner, f"{'F' if inner == 'softplus' else 'torch'}.{inner}({h.var})", h)
            code = code.replace(f"{'F' if inner == 'softplus' else 'torch'}.{inner}({h.var})", part.var)
            if f"torch.tanh({part.var})" in code:
                outer = w.function("tanh", f"torch.tanh({part.var})", h)
                code = code.replace(f"torch.tanh({part.var})", outer.var)
    if ".relu()." in code:
        part = w.function("relu", f"{h.var}.relu()", h)
        code = code.replace(f"{h.var}.relu()", part.var)
    return w.function(name, code, h)


def own_function(w: Writer, h: Value) -> Value | None:
    """An autograd.Function of its own."""
    if w.chance(0.6):
        return None
    name = f"Swish{len(w.book.classes)}"
    w.book.classes.append(
        f"class {name}(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        return x * torch.special.expit(x)"
    )
    return w.let(f"{name}.apply({h.var})", h)


def gate(w: Writer, h: Value) -> Value | None:
    """One half of the units, or of what the net has in its place, decides how much of the other passes."""
    axis = _even_axis(w, h)
    if axis is None:
        return None
    layout = halved(h.layout, axis)
    way = w.pick(["glu", "module", "chunk", "split", "maxout"])
    if way == "glu":
        return w.function("glu", f"F.glu({h.var}, {axis})", h, layout)
    if way == "module":
        return w.call(w.own("glu", f"nn.GLU({axis})"), h, layout)
    if way == "maxout":
        sizes = f"(2, {size(layout[axis])})"
        return w.function("amax", f"{h.var}.unflatten({axis}, {sizes}).amax({axis})", h, layout)
    half = size(layout[axis])
    a, b = w.fresh("a"), w.fresh("b")
    cut = f"chunk(2, {axis})" if way == "chunk" else f"split([{half}, {half}], {axis})"
    w.say(f"{a}, {b} = {h.var}.{cut}")
    name = w.pick(["sigmoid", "tanh", "silu"])
    code = f"F.silu({a})" if name == "silu" else f"torch.{name}({a})"
    gated = w.function(name, code, h, layout)
    return w.function("mul", f"{gated.var} * {b}", h, layout)


def _even_axis(w: Writer, h: Value) -> int | None:
    fits = [
        a for a, axis in enumerate(h.layout)
        if BATCH not in axis and len(axis) == 1 and known(axis) and pure(axis, "C") and size(axis) % 2 == 0
        and size(axis) >= 4
    ]  # fmt: skip
    return w.pick(fits) if fits else None


def halved(layout: Layout, axis: int) -> Layout:
    half = (Factor(layout[axis][0].kind, size(layout[axis]) // 2),)
    return (*layout[:axis], half, *layout[axis + 1 :])


def sequence(w: Writer, h: Value) -> Value | None:
    """A Sequential of a layer and its nonlinearity."""
    last = h.layout[-1]
    if BATCH in last or not known(last) or len(h.layout) < 2:
        return None
    out = int(w.rng.integers(2, 9))
    act = w.pick(MODULES)
    name = w.own("seq", f"nn.Sequential(nn.Linear({size(last)}, {out}), nn.{act})")
    after = w.let(f"self.{name}({h.var})", h, (*map(as_places, h.layout[:-1]), units(out)))
    for part in (".0", ".1", ""):
        w.module_tape(name + part, after)
    return after


NONLINEAR = (module,) * 5 + (function,) * 4 + (by_hand, gate, sequence, sequence, own_function)
