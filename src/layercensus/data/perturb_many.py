"""Images and signals perturbed a batch at a time, where the net lies, by the same randomness as one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .perturb import ALL, LOUDER, NOISE, NOISY, SHIFTED, Kinds, Random, amount_of, factor_of

Mapped = Callable[..., Iterable[Any]]  # as `map`


def perturbed_many(
    x: Tensor, randoms: Sequence[Random], *, strength: float, kinds: Kinds = ALL, mapped: Mapped = map
) -> Tensor:
    """What `perturb.image` or `perturb.signal` makes of each example, up to rounding.

    x: (examples, channels, height, width) or (examples, channels, length) float32, where the result will lie. randoms:
    one of each example. mapped: as `map`, over the examples: the noise is drawn on the CPU, so that it is the same on
    every device, while the rest is the device's.
    """
    amounts, factors = zip(*(_drawn(x, random, strength) for random in randoms), strict=True)
    amount = NOISE * strength * x.flatten(1).std(1, correction=0) if NOISY in kinds else None
    if SHIFTED in kinds:
        for place, axis in enumerate(_sides(x)):
            x = _shifted(x, axis, [each[place] for each in amounts])
    if LOUDER in kinds:
        x = _louder(x, torch.from_numpy(np.stack(factors)).to(x.device))
    return x if amount is None else x + _each(amount, x) * _normal(x, randoms, mapped)


def _sides(x: Tensor) -> range:
    """The axes that move, the last first."""
    return range(x.ndim - 1, 1, -1)


def _drawn(x: Tensor, random: Random, strength: float) -> tuple[list[float], np.float32]:
    """By how much an example moves along each axis, and its contrast: drawn in the order of `perturb`."""
    return [amount_of(random, x.shape[axis], strength) for axis in _sides(x)], factor_of(random, strength)


def _shifted(x: Tensor, axis: int, amounts: Sequence[float]) -> Tensor:
    """x moved along an axis by a fractional amount of each example, linear between whole steps, its edge repeated."""
    side = x.shape[axis]
    whole = np.floor(np.array(amounts))
    near = np.arange(side) - whole[:, None].astype(np.int64)
    here, before = (_taken(x, axis, (near - step).clip(0, side - 1)) for step in (0, 1))
    fraction = torch.from_numpy((np.array(amounts) - whole).astype(np.float32)).to(x.device)
    return here + _each(fraction, x) * (before - here)


def _taken(x: Tensor, axis: int, places: np.ndarray[Any, Any]) -> Tensor:
    """x at these places of an axis, other ones in each example. places: (examples, side)."""
    index = torch.from_numpy(places).to(x.device)
    shape = [len(x)] + [1] * (x.ndim - 1)
    shape[axis] = x.shape[axis]
    return x.gather(axis, index.view(shape).expand(x.shape))


def _louder(x: Tensor, factor: Tensor) -> Tensor:
    """Another contrast about each channel's mean; of a signal, its gain."""
    if x.ndim == 3:
        return x * _each(factor, x)
    middle = x.mean((-2, -1), keepdim=True)
    return middle + (x - middle) * _each(factor, x)


def _each(values: Tensor, x: Tensor) -> Tensor:
    """(examples,) as (examples, 1, ...) beside x."""
    return values.view(-1, *[1] * (x.ndim - 1))


def _normal(x: Tensor, randoms: Sequence[Random], mapped: Mapped) -> Tensor:
    """Normal numbers in the shape of x, each example's from its own randomness."""
    out = torch.empty(x.shape, dtype=torch.float32, pin_memory=x.device.type == "cuda")
    rows = out.numpy()

    def draw(row: int) -> None:
        randoms[row].standard_normal(dtype=np.float32, out=rows[row])

    for _ in mapped(draw, range(len(randoms))):
        pass
    return out.to(x.device, non_blocking=True)
