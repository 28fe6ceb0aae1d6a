"""Random chains of structural calls, drawn one by one to fit the shape that the calls before them left."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from hypothesis import strategies as st
from torch import Tensor

Step = tuple[str, Callable[[Tensor], Tensor]]
LARGEST = 600  # elements, beyond which nothing is repeated


@st.composite
def chains(draw: st.DrawFn, shape: tuple[int, ...], longest: int = 5, first: int = 0) -> list[Step]:
    """Calls to be made one after the other on a tensor of this shape, each with its name.

    first: axes before this one are left alone.
    """
    steps: list[Step] = []
    x = torch.zeros(shape)
    for _ in range(draw(st.integers(1, longest))):
        step = draw(st.sampled_from([make for make in MAKERS if x.ndim - first > 1 or make is unsqueeze]))(
            draw, x, first
        )
        if step is not None:
            steps.append(step)
            x = step[1](x)
    return steps


def after(steps: list[Step], x: Tensor) -> Tensor:
    """What a chain makes of a tensor."""
    for _, step in steps:
        x = step(x)
    return x


def axis_of(draw: st.DrawFn, x: Tensor, first: int) -> int:
    return draw(st.integers(first, x.ndim - 1))


def permute(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    order = [*range(first), *draw(st.permutations(range(first, x.ndim)))]
    return f"permute{order}", lambda t: t.permute(order)


def flatten(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    start = draw(st.integers(first, x.ndim - 2))
    return f"flatten {start}", lambda t: t.flatten(start, start + 1)


def unflatten(draw: st.DrawFn, x: Tensor, first: int) -> Step | None:
    axis = axis_of(draw, x, first)
    n = x.shape[axis]
    divisors = [d for d in range(2, n) if n % d == 0]
    if not divisors:
        return None
    size = draw(st.sampled_from(divisors))
    return f"unflatten {axis}: {size}", lambda t: t.unflatten(axis, (size, -1))


def reshape(draw: st.DrawFn, x: Tensor, first: int) -> Step | None:
    sizes = list(x.shape[first:])
    into = [*x.shape[:first], *draw(st.permutations(sizes))]
    return f"reshape{into}", lambda t: t.reshape(into)


def cut(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    axis = axis_of(draw, x, first)
    start, step = draw(st.integers(0, max(0, x.shape[axis] - 2))), draw(st.integers(1, 2))
    index = tuple(slice(start, None, step) if a == axis else slice(None) for a in range(x.ndim))
    return f"cut {axis}: {start}::{step}", lambda t: t[index]


def pick(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    axis = axis_of(draw, x, first)
    chosen = torch.tensor(draw(st.lists(st.integers(0, x.shape[axis] - 1), min_size=1, max_size=4)))
    return f"pick {axis}: {chosen.tolist()}", lambda t: torch.index_select(t, axis, chosen)


def select(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    axis = axis_of(draw, x, first)
    return f"select {axis}", lambda t: t.select(axis, 0)


def unsqueeze(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    axis = draw(st.integers(first, x.ndim))
    return f"unsqueeze {axis}", lambda t: t.unsqueeze(axis)


def flip(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    axis = axis_of(draw, x, first)
    return f"flip {axis}", lambda t: t.flip(axis)


def roll(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    axis = axis_of(draw, x, first)
    return f"roll {axis}", lambda t: torch.roll(t, 1, axis)


def repeat(draw: st.DrawFn, x: Tensor, first: int) -> Step | None:
    if math.prod(x.shape) > LARGEST:
        return None
    axis = axis_of(draw, x, first)
    times = [2 if a == axis else 1 for a in range(x.ndim)]
    return f"repeat{times}", lambda t: t.repeat(times)


def reduce(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    axis, keep = axis_of(draw, x, first), draw(st.booleans())
    return f"amax {axis} {keep}", lambda t: t.amax(axis, keepdim=keep)


def chunk(draw: st.DrawFn, x: Tensor, first: int) -> Step:
    axis = axis_of(draw, x, first)
    return f"chunk {axis}", lambda t: t.chunk(2, axis)[0]


MAKERS = (permute, flatten, unflatten, reshape, cut, pick, select, unsqueeze, flip, roll, repeat, reduce, chunk)
