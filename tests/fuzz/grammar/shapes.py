"""What moves elements about: views, permutes, folds, splits, pools, pixel shuffles, patches."""

from __future__ import annotations

from ..layout import BATCH, Axis, Factor, Layout, as_places, elements, known, places, pure, size, units
from .writer import Value, Writer


def permute(w: Writer, h: Value) -> Value | None:
    """Another order of the axes; the batch stays in front most times, or time comes first."""
    n = len(h.layout)
    if n < 3:
        return None
    if w.chance(0.4):
        a, b = map(int, w.rng.choice(n, 2, replace=False))
        order = list(range(n))
        order[a], order[b] = order[b], order[a]
        code = f"{h.var}.transpose({a}, {b})"
    else:
        order = list(map(int, w.rng.permutation(n)))
        code = f"{h.var}.permute({', '.join(map(str, order))})"
    if BATCH not in h.layout[order[0]] and w.chance(0.75):
        return None
    layout = tuple(h.layout[a] for a in order)
    return w.let(code + (".contiguous()" if w.chance(0.3) else ""), h, layout)


def merge(w: Writer, h: Value) -> Value | None:
    """Two neighbouring axes become one; with the batch that is a fold."""
    if len(h.layout) < 3:
        return None
    a = int(w.rng.integers(len(h.layout) - 1))
    if BATCH in (*h.layout[a], *h.layout[a + 1]) and (w.chance(0.5) or len(h.layout[a]) + len(h.layout[a + 1]) > 2):
        return None
    layout = (*h.layout[:a], h.layout[a] + h.layout[a + 1], *h.layout[a + 2 :])
    if Factor("S") in layout[a]:
        return None
    return w.let(f"{h.var}.flatten({a}, {a + 1})", h, layout)


def split(w: Writer, h: Value) -> Value | None:
    """One axis becomes two: where it was joined, or the units as heads of several."""
    fits = [a for a, axis in enumerate(h.layout) if len(axis) > 1]
    if fits:
        a = w.pick(fits)
        at = int(w.rng.integers(1, len(h.layout[a])))
        left, right = h.layout[a][:at], h.layout[a][at:]
    else:
        fits = [a for a, axis in enumerate(h.layout) if pure(axis, "C") and size(axis) in (4, 6, 8)]
        if not fits or len(h.layout) > 3 or w.chance(0.5):
            return None
        a = w.pick(fits)
        left, right = units(2), units(size(h.layout[a]) // 2)
    sizes = [size(axis) if known(axis) else -1 for axis in (left, right)]
    if sizes == [-1, -1]:
        return None
    layout = (*h.layout[:a], left, right, *h.layout[a + 1 :])
    if BATCH in (*left, *right) or w.chance(0.5):
        return w.let(f"{h.var}.unflatten({a}, ({sizes[0]}, {sizes[1]}))", h, layout)
    shape = ", ".join(str(_size(axis)) if known(axis) else f"{h.var}.shape[{i}]" for i, axis in enumerate(h.layout))
    parts = shape.split(", ")
    parts[a : a + 1] = [str(size(left)), str(size(right))]
    return w.let(f"{h.var}.reshape({', '.join(parts)})", h, layout)


def _size(axis: Axis) -> int:
    return size(axis) if axis else 1


def flatten(w: Writer, h: Value) -> Value | None:
    """Everything behind the batch in one axis, before or after a nonlinearity."""
    if h.layout[0] != (BATCH,) or len(h.layout) < 3 or elements(h.layout) > 150 or w.chance(0.5):
        return None
    if not all(map(known, h.layout[1:])):
        return None
    axis = tuple(factor for axis in h.layout[1:] for factor in axis)
    layout = ((BATCH,), axis)
    if w.chance(0.5):
        return w.call(w.own("flat", "nn.Flatten()"), h, layout)
    return w.let(w.pick([f"{h.var}.flatten(1)", f"{h.var}.reshape({h.var}.shape[0], -1)"]), h, layout)


def pool(w: Writer, h: Value) -> Value | None:
    """Fewer positions, or none."""
    fits = [a for a, axis in enumerate(h.layout) if pure(axis, "S") and known(axis)]
    if not fits or len(h.layout) < 3:
        return None
    a = w.pick(fits)
    windows = len(h.layout) == 4 and h.layout[0] == (BATCH,) and {2, 3} <= set(fits)
    if windows and min(size(h.layout[2]), size(h.layout[3])) >= 4 and w.chance(0.6):
        layout = (*h.layout[:2], *(places(size(axis) // 2) for axis in h.layout[2:]))
        return w.call(w.own("pool", w.pick(["nn.MaxPool2d(2)", "nn.AvgPool2d(2)"])), h, layout)
    if windows and w.chance(0.5):
        return w.call(w.own("pool", "nn.AdaptiveAvgPool2d(1)"), h, (*h.layout[:2], (), ()))
    way = w.pick([f".mean({a})", f".amax({a})", f".select({a}, -1)", f".select({a}, 0)"])
    return w.let(h.var + way, h, (*h.layout[:a], *h.layout[a + 1 :]))


def ones(w: Writer, h: Value) -> Value | None:
    """Axes of size 1 come or go."""
    empty = [a for a, axis in enumerate(h.layout) if axis == ()]
    if empty:
        a = w.pick(empty)
        return w.let(f"{h.var}.squeeze({a})", h, (*h.layout[:a], *h.layout[a + 1 :]))
    if len(h.layout) > 3 or w.chance(0.7):
        return None
    a = int(w.rng.integers(1, len(h.layout) + 1))
    return w.let(f"{h.var}.unsqueeze({a})", h, (*h.layout[:a], (), *h.layout[a:]))


def pixels(w: Writer, h: Value) -> Value | None:
    """Units become places (pixel_shuffle), or places units."""
    if len(h.layout) != 4 or h.layout[0] != (BATCH,) or any(len(axis) != 1 or BATCH in axis for axis in h.layout[1:]):
        return None
    if not pure(h.layout[1], "C") or not all(pure(axis, "S") and known(axis) for axis in h.layout[2:]):
        return None
    c, y, x = map(size, h.layout[1:])
    two = Factor("S", 2)
    if c % 4 == 0 and c >= 8 and elements(h.layout) < 1000:
        layout: Layout = ((BATCH,), units(c // 4), (*places(y), two), (*places(x), two))
        if w.chance(0.6):
            return w.call(w.own("up", "nn.PixelShuffle(2)"), h, layout)
        return w.let(f"F.pixel_shuffle({h.var}, 2)", h, layout)
    if y % 2 == 0 and x % 2 == 0:
        layout = ((BATCH,), (*units(c), two, two), places(y // 2), places(x // 2))
        if w.chance(0.6):
            return w.call(w.own("down", "nn.PixelUnshuffle(2)"), h, layout)
        return w.let(f"F.pixel_unshuffle({h.var}, 2)", h, layout)
    return None


def upscaled(w: Writer, h: Value) -> Value | None:
    """A convolution whose channels become places, as super-resolution writes it."""
    if len(h.layout) != 4 or h.layout[0] != (BATCH,) or not all(map(known, h.layout[1:])) or elements(h.layout) > 300:
        return None
    given, (y, x), out = size(h.layout[1]), (max(1, size(axis)) for axis in h.layout[2:]), w.pick([1, 2, 3, 6])
    made = w.call(w.own("conv", f"nn.Conv2d({given}, {4 * out}, 3, padding=1)"), h,
                  ((BATCH,), units(4 * out), places(y), places(x)))  # fmt: skip
    two = Factor("S", 2)
    layout: Layout = ((BATCH,), units(out), (*places(y), two), (*places(x), two))
    if w.chance(0.5):
        return w.call(w.own("up", "nn.PixelShuffle(2)"), made, layout)
    if w.chance(0.5):
        return w.let(f"F.pixel_shuffle({made.var}, 2)", made, layout)
    parts = f"{made.var}.reshape(-1, {out}, 2, 2, {y}, {x}).permute(0, 1, 4, 2, 5, 3)"
    return w.let(f"{parts}.reshape(-1, {out}, {2 * y}, {2 * x})", made, layout)


def patches(w: Writer, h: Value) -> Value | None:
    """An image as tokens, or tokens as an image."""
    if h.layout[0] != (BATCH,) or any(len(axis) != 1 or BATCH in axis or not known(axis) for axis in h.layout[1:]):
        return None
    if len(h.layout) == 4 and pure(h.layout[1], "C") and all(size(axis) % 2 == 0 for axis in h.layout[2:]):
        c, y, x = map(size, h.layout[1:])
        code = f"{h.var}.reshape(-1, {c}, {y // 2}, 2, {x // 2}, 2).permute(0, 2, 4, 1, 3, 5)"
        tokens = (Factor("S", y // 2), Factor("S", x // 2))
        layout: Layout = ((BATCH,), tokens, (*units(c), Factor("S", 2), Factor("S", 2)))
        return w.let(f"{code}.reshape(-1, {y * x // 4}, {4 * c})", h, layout)
    if (
        len(h.layout) == 3
        and pure(h.layout[2], "C")
        and size(h.layout[2]) in (4, 8)
        and size(h.layout[1]) in (4, 9, 16)
    ):
        n, c = int(size(h.layout[1]) ** 0.5), size(h.layout[2]) // 4
        code = f"{h.var}.reshape(-1, {n}, {n}, 2, 2, {c}).permute(0, 5, 1, 3, 2, 4)"
        side = (Factor("S", n), Factor("S", 2))
        return w.let(f"{code}.reshape(-1, {c}, {2 * n}, {2 * n})", h, ((BATCH,), units(c), side, side))
    return None


def images_and_tokens(w: Writer, h: Value) -> Value | None:
    """(batch, units, y, x) as (batch, y * x, units), as a transformer takes it; or channels last."""
    if len(h.layout) != 4 or h.layout[0] != (BATCH,) or not pure(h.layout[1], "C"):
        return None
    b, c, y, x = h.layout
    if w.chance(0.3):
        return w.let(f"{h.var}.permute(0, 2, 3, 1)", h, (b, y, x, c))
    return w.let(f"{h.var}.flatten(2).transpose(1, 2)", h, (b, y + x, c))


def windows(w: Writer, h: Value) -> Value | None:
    """Every patch of an image as one column (im2col)."""
    if len(h.layout) != 4 or h.layout[0] != (BATCH,) or not all(map(known, h.layout[1:])):
        return None
    if len(h.layout[1]) != 1 or not pure(h.layout[1], "C") or min(size(axis) for axis in h.layout[2:]) < 4:
        return None
    y, x = (size(axis) // 2 for axis in h.layout[2:])
    column = (*h.layout[1], Factor("S", 2), Factor("S", 2))
    return w.let(f"F.unfold({h.var}, 2, stride=2)", h, ((BATCH,), column, places(y * x)))


def resize(w: Writer, h: Value) -> Value | None:
    """The same units at more, fewer or moved places."""
    fits = [a for a, axis in enumerate(h.layout) if len(axis) == 1 and pure(axis, "S") and known(axis)]
    if not fits:
        return None
    a = w.pick(fits)
    n = size(h.layout[a])

    def sized(new: int) -> Layout:
        return (*h.layout[:a], places(new), *h.layout[a + 1 :])

    ways = [
        (f"{h.var}.roll(1, {a})", n), (f"{h.var}.flip({a})", n), (f"{h.var}.cumsum({a}) / {n}", n),
        (f"{h.var}.repeat_interleave(2, {a})", 2 * n), (f"torch.cat([{h.var}, {h.var}.flip({a})], {a})", 2 * n),
    ]  # fmt: skip
    if n > 3:
        ways += [(f"{h.var}.narrow({a}, 1, {n - 2})", n - 2), (f"{h.var}.chunk(2, {a})[0]", (n + 1) // 2)]
    code, new = w.pick([way for way in ways if way[1] <= 12])
    return w.let(code, h, sized(new))


def beside(w: Writer, h: Value) -> Value | None:
    """Joined with an earlier value along the units, or added to it."""
    alike = [v for v in w.saved if v.rows == h.rows and len(v.layout) == len(h.layout) and v.var != h.var]
    same = [v for v in alike if v.layout == h.layout]
    if same and w.chance(0.6):
        v = w.pick(same)
        return w.let(f"{h.var} + {v.var}", h, drawn=h.drawn or v.drawn)
    for v in alike:
        differ = [a for a, (one, two) in enumerate(zip(h.layout, v.layout, strict=True)) if one != two]
        axis = differ[0] if len(differ) == 1 else len(h.layout) - 1 if not differ else -1
        if axis > 0 and all(len(x.layout[axis]) == 1 and pure(x.layout[axis], "C") for x in (h, v)):
            joined = units(size(h.layout[axis]) + size(v.layout[axis]))
            layout = (*h.layout[:axis], joined, *h.layout[axis + 1 :])
            return w.let(f"torch.cat([{h.var}, {v.var}], {axis})", h, layout, drawn=h.drawn or v.drawn)
    return None


def written(w: Writer, h: Value) -> Value | None:
    """A part of it overwritten in place."""
    if h.layout[0] != (BATCH,) or len(h.layout) < 2 or w.chance(0.6):
        return None
    w.say(w.pick([f"{h.var}[:, 0] = 0.5", f"{h.var}[:, 0].mul_(0.5)", f"{h.var}[:, -1:] += 0.25"]))
    return h


def plain(layout: Layout) -> Layout:
    """The layout with units nowhere."""
    return tuple(map(as_places, layout))


SHAPES = (
    permute, permute, merge, merge, split, split, flatten, pool, pool, ones, pixels, pixels, upscaled, upscaled,
    patches, patches, images_and_tokens, windows, resize, resize, beside, beside, beside, written,
)  # fmt: skip
