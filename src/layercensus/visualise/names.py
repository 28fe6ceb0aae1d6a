"""Objectives from what a user types: LAYER, LAYER:UNIT, LAYER:3,5,8-11."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from ..errors import CensusError
from ..layers.layer import Layer
from ..layers.select import select
from .objective import Objective
from .objectives import channel, layer, neuron

FIRST = 16  # units of a layer where none are named
KINDS: dict[str, Callable[[str, int], Objective]] = {"neuron": neuron, "channel": channel}
WHOLE, AUTO = "layer", "auto"
Mapped = Callable[[Layer], bool]


def objectives_of(
    text: str, net: nn.Module, layers: Sequence[Layer], kind: str = AUTO, mapped: Mapped = lambda layer: False
) -> list[Objective]:
    """The objectives that a text names: one for each unit, or for kind "layer" one for each layer.

    Without units the first FIRST of the layer; "LAYER:all" for every one. Kind "auto" is "channel" for layers that are
    `mapped`, else "neuron".

    Raises:
        CensusError: there is no such layer or unit, or no such kind.
    """
    if kind not in (AUTO, *KINDS, WHOLE):
        raise CensusError(f"objective must be {', '.join([AUTO, *KINDS, WHOLE])}. Got {kind!r}.")
    name, units = _split(text, layers)
    matching = select(net, layers, name)
    if kind == WHOLE:
        return [layer(match.name) for match in matching]
    kinds = {match.name: ("channel" if mapped(match) else "neuron") if kind == AUTO else kind for match in matching}
    return [KINDS[kinds[match.name]](match.name, unit) for match in matching for unit in _units(units, match)]


def _split(text: str, layers: Sequence[Layer]) -> tuple[str, str]:
    if any(layer.name == text for layer in layers):
        return text, ""
    name, colon, units = text.rpartition(":")
    return (name, units) if colon else (text, "")


def _units(text: str, layer: Layer) -> list[int]:
    if text == "":
        return list(range(min(FIRST, layer.width)))
    if text == "all":
        return list(range(layer.width))
    units: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise CensusError(f"Units must be like 3, or 3,5,8-11, or all. Got {text!r}.")
        units += range(int(first), int(last if dash else first) + 1)
    beyond = [unit for unit in units if unit >= layer.width]
    if beyond or not units:
        raise CensusError(f"Layer {layer.name!r} has units 0 to {layer.width - 1}. Got {text!r}.")
    return list(dict.fromkeys(units))
