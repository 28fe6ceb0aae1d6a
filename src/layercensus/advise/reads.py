"""Which module makes a layer's units and which reads them, where every module between works channel by channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..layers.layer import Layer
from ..layers.net import call, modules_by_name
from ..layers.tap import tap
from .panel import Panel

MAKERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_POOLS = ("MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool", "Dropout", "Identity", "Flatten")


@dataclass(frozen=True)
class Reads:
    """The weights in which a layer's units stand."""

    layer: str
    maker: str  # the module whose outputs they are
    norms: tuple[str, ...]  # normalisations of single channels between it and the layer
    reader: str  # the one module with weights that reads the layer


@dataclass(frozen=True)
class _Call:
    name: str
    module: nn.Module
    given: Tensor | None
    made: Any


def reads_of(panel: Panel) -> dict[str, Reads]:
    """By layer, where a maker, normalisations, the nonlinearity, pools and a reader follow each other as modules.

    Each must be handed the very tensor that the one before gave. What functions read between modules is not seen here:
    a net from which units were cut is compared with the intervention, and what does not run is left alone.
    """
    calls = _calls(panel)
    by_module = {
        layer.module: layer for layer in panel.net.layers if layer.function is None and layer.role == "neurons"
    }
    found = (_read(calls, at, by_module) for at, one in enumerate(calls) if _has_channels(one.module))
    return {reads.layer: reads for reads in found if reads is not None}


def _calls(panel: Panel) -> list[_Call]:
    """Every call of a module without parts in one pass, in order."""
    calls = list[_Call]()

    def hook(name: str) -> Any:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            given = args[0] if len(args) == 1 and isinstance(args[0], Tensor) else None
            calls.append(_Call(name, module, given, output))

        return note

    with ExitStack() as stack:
        stack.enter_context(tap(panel.net.net, ()))
        for name, module in modules_by_name(panel.net.net).items():
            if not any(True for _ in module.children()):
                stack.callback(module.register_forward_hook(hook(name)).remove)
        some = panel.example.first(1)
        call(panel.net.net, some.for_net(panel.net.net))
    return calls


def _read(calls: Sequence[_Call], reader: int, layers: dict[str, Layer]) -> Reads | None:
    """What stands before a reader, back to the next module with weights."""
    times = Counter(one.name for one in calls)
    readers = Counter(id(one.given) for one in calls if one.made is not one.given)
    norms, layer, at = list[str](), None, reader
    while at := _before(calls, at):
        one = calls[at - 1]
        again = times[one.name] > 1 and not type(one.module).__name__.startswith(_POOLS)
        if again or readers[id(one.made)] > 1:
            return None
        if _has_channels(one.module):
            return None if layer is None else Reads(layer, one.name, tuple(norms), calls[reader].name)
        if layer is None and one.name in layers:
            layer = layers[one.name].name
        elif layer is not None and type(one.module) in NORMS:
            norms.append(one.name)
        elif not type(one.module).__name__.startswith(_POOLS):
            return None
        at -= 1
    return None


def _before(calls: Sequence[_Call], at: int) -> int:
    """1 + the number of the call that gave the tensor which this call was handed; 0 where none did."""
    given = calls[at].given
    return next((n + 1 for n in range(at - 1, -1, -1) if given is not None and calls[n].made is given), 0)


def _has_channels(module: nn.Module) -> bool:
    return isinstance(module, MAKERS) and getattr(module, "groups", 1) == 1
