"""Residual blocks whose branch the answers do not miss: the block's output is then its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..layers.layer import Layer
from ..layers.net import call, modules_by_name
from ..layers.tap import tap
from .cost import costs
from .item import Item, Together, Withheld, misses
from .low_rank import exchange_modules
from .measured import Measured
from .panel import Panel

REMOVE = "remove"


class Skip(nn.Module):
    """Gives its first input, in the place of a block whose branch is removed.

    >>> import torch
    >>> Skip()(torch.ones(2), "mask").sum()
    tensor(2.)
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The input as it is."""
        return x


@dataclass(frozen=True)
class Removing:
    """Blocks that can go."""

    items: tuple[Item, ...]
    together: tuple[Together, ...]
    nets: Mapping[float, nn.Module]


def without(net: nn.Module, blocks: Sequence[str]) -> nn.Module:
    """A copy of the net with these modules skipped."""
    copy = deepcopy(net)
    exchange_modules(copy, {name: Skip() for name in blocks})
    return copy


def remove(measured: Measured, fidelities: Sequence[float], withheld: list[Withheld]) -> Removing:
    """Blocks whose output has the form of their input and which keep the fidelity, alone and as many as can go."""
    net = measured.panel.net.net
    lost = {layer: measured.most_loss(without(net, [layer.module])) for layer in skippable(measured.panel)}
    items, together, nets = list[Item](), list[Together](), dict[float, nn.Module]()
    for asked in fidelities:
        good = [layer for layer in sorted(lost, key=lambda one: lost[one]) if lost[layer] <= 1 - asked]
        items += [item for layer in good for item in _item(measured, layer, asked, withheld)]
        chosen = _most(measured, [layer.module for layer in good], asked)
        if chosen:
            one = _all_of(measured, chosen, asked, withheld)
            together += [] if one is None else [one]
            nets |= {} if one is None else {asked: without(net, chosen)}
    if not items:
        none = f"none of {len(lost)} blocks can go at fidelity {min(fidelities):g}"
        withheld.append(Withheld(REMOVE, "", none if lost else "no block gives what has the form of its input"))
    return Removing(tuple(items), tuple(together), nets)


def skippable(panel: Panel) -> list[Layer]:
    """Blocks that are modules called once, whose output is one tensor of the form of their first input."""
    blocks = [layer for layer in panel.surveyed if layer.role == "block" and layer.function is None]
    shapes, times = dict[str, bool](), dict[str, int]()

    def hook(name: str) -> Any:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            times[name] = times.get(name, 0) + 1
            given = args[0] if args else None
            tensors = isinstance(given, Tensor) and isinstance(output, Tensor)
            shapes[name] = tensors and given.shape == output.shape  # type: ignore[union-attr]

        return note

    modules = modules_by_name(panel.net.net)
    handles = [modules[layer.module].register_forward_hook(hook(layer.module)) for layer in blocks]
    try:
        with tap(panel.net.net, ()):
            call(panel.net.net, panel.example.first(1).for_net(panel.net.net))
    finally:
        for handle in handles:
            handle.remove()
    return [layer for layer in blocks if shapes.get(layer.module) and times[layer.module] == 1]


def _item(measured: Measured, layer: Layer, asked: float, withheld: list[Withheld]) -> list[Item]:
    effect = measured.effect(without(measured.panel.net.net, [layer.module]))
    if not effect.holds(asked):
        withheld.append(Withheld(REMOVE, layer.name, misses(effect, asked)))
        return []
    own = sum(p.numel() for p in measured.panel.net.net.get_submodule(layer.module).parameters())
    return [Item(layer.name, REMOVE, asked, own, 0, effect)]


def _most(measured: Measured, good: Sequence[str], asked: float) -> list[str]:
    """As many as can go together, the least missed first."""
    chosen = list[str]()
    for name in good:
        within = any(f"{one}.".startswith(f"{name}.") or f"{name}.".startswith(f"{one}.") for one in chosen)
        if within:
            continue
        if measured.most_loss(without(measured.panel.net.net, [*chosen, name])) <= 1 - asked:
            chosen.append(name)
    return chosen


def _all_of(measured: Measured, chosen: list[str], asked: float, withheld: list[Withheld]) -> Together | None:
    net = measured.panel.net.net
    shorter = without(net, chosen)
    effect = measured.effect(shorter)
    if not effect.holds(asked):
        withheld.append(Withheld(REMOVE, "", f"{', '.join(chosen)} together: {misses(effect, asked)}"))
        return None
    before, after = costs([net, shorter], measured.panel.example)
    return Together(REMOVE, asked, len(chosen), effect, before, after)
