"""Which module with weights makes the units of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..layers.layer import Layer
from ..layers.net import call, modules_by_name
from ..layers.tap import tap
from .panel import Panel
from .reads import MAKERS


def makers_of(panel: Panel, layers: Sequence[Layer]) -> dict[str, str]:
    """By layer, the last module with weights and as many outputs that ran before it."""
    ran, made = list[tuple[str, int]](), dict[str, str]()

    def given(layer: Layer, x: Tensor) -> None:
        found = [name for name, outputs in ran if outputs == layer.width]
        if found:
            made[layer.name] = found[-1]

    def hook(name: str, outputs: int) -> Any:
        return lambda module, args: ran.append((name, outputs))

    handles = [
        module.register_forward_pre_hook(hook(name, module.weight.shape[0]))
        for name, module in modules_by_name(panel.net.net).items()
        if isinstance(module, MAKERS)
    ]
    try:
        with tap(panel.net.net, layers, given):
            call(panel.net.net, panel.example.first(1).for_net(panel.net.net))
    finally:
        for handle in handles:
            handle.remove()
    return made
