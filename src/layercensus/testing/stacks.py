"""Planted nets of several layers whose counts rise, fall, stay or peak over depth, on widths of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .planted import Planted, Truth, planted

TRENDS = ("rising", "falling", "constant", "peak", "width alone")
RIGHT = {"rising": "later", "falling": "earlier", "constant": "even", "peak": "middle", "width alone": "even"}


def stack(trend: str, seed: int) -> Planted:
    """Six to twelve layers; which trend, which widths and what fills the rest differ by seed."""
    rng = np.random.default_rng([seed, TRENDS.index(trend)])
    layers = int(rng.integers(6, 13))
    return planted("linear", _truths(trend, layers, rng), seed, examples=500)


def _truths(trend: str, layers: int, rng: np.random.Generator) -> list[Truth]:
    depth = np.linspace(0, 1, layers)
    rising_width = np.round(np.geomspace(16, 96, layers)).astype(int)
    if trend == "rising":  # more concepts and a higher fraction of the layer
        return _filled(rising_width, rising_width * (0.3 + 0.5 * depth), rng)
    if trend == "falling":
        return _filled(rising_width, 14 - 10 * depth, rng)
    if trend == "constant":  # the same concepts in more and more copies
        return [Truth(12, int(c)) for c in np.round(np.geomspace(1, 8, layers)).astype(int)]
    if trend == "peak":
        return _filled(np.full(layers, 48), 8 + 32 * np.sin(np.pi * (0.1 + 0.8 * depth)) ** 2, rng)
    return _filled(rising_width, rising_width * 0.5, rng, copies=1)  # width alone: half of every layer


def _filled(width: NDArray[Any], concepts: NDArray[Any], rng: np.random.Generator, copies: int = 2) -> list[Truth]:
    """Every concept in so many units of a layer as many times as wide, and the rest of it dead or noise."""
    fraction = rng.uniform(0.2, 0.8)
    truths = []
    for w, k in zip(width, np.round(concepts).astype(int), strict=True):
        rest = copies * int(w - k)
        dead = round(fraction * rest)
        truths.append(Truth(int(k), copies, dead, rest - dead))
    return truths
