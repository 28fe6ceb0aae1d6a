"""Which layers are asked what the net needs of them: all, or some spread over the depth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..layers.layer import Layer

SOME = 16  # hidden layers


def chosen_layers(layers: Sequence[Layer], needed: str | bool) -> tuple[Layer, ...]:
    """The layers in forward order. needed: "all", "some" for at most SOME hidden ones and the output, False for none.

    Among some are the last hidden layer and the ends of stages, behind which maps change in size, and what fills the
    widest gaps between them.
    """
    if not needed:
        return ()
    hidden = [at for at, layer in enumerate(layers) if layer.role != "output"]
    if needed == "all" or len(hidden) <= SOME:
        return tuple(layers)
    sizes = [_positions(layers[at]) for at in hidden]
    ends = [at for at, (size, after) in zip(hidden, pairwise(sizes), strict=False) if size != after]
    chosen = {hidden[0], hidden[-1]} | set(_spread(ends, SOME - 2))
    while len(chosen) < SOME:
        chosen.add(max((at for at in hidden if at not in chosen), key=lambda at: (_gap(at, chosen), -at)))
    outputs = {at for at, layer in enumerate(layers) if layer.role == "output"}
    return tuple(layers[at] for at in sorted(chosen | outputs))


def _positions(layer: Layer) -> tuple[int, ...]:
    return tuple(n for axis, n in enumerate(layer.shape, 1) if axis != layer.unit_axis)


def _spread(ends: Sequence[int], most: int) -> list[int]:
    """At most so many of them, evenly."""
    if len(ends) <= most:
        return list(ends)
    return [ends[round(k * (len(ends) - 1) / (most - 1))] for k in range(most)]


def _gap(at: int, chosen: set[int]) -> int:
    """How far it lies from the nearest chosen one."""
    return min(abs(at - other) for other in chosen)
