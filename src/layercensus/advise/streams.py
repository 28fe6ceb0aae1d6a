"""Residual streams: what runs through blocks that add to it, and the layers whose units are units of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..layers.net import call, modules_by_name
from ..layers.tap import tap
from .branches import skippable
from .panel import Panel

_PASSING = (
    "Add", "Relu", "Gelu", "Silu", "Hardtanh", "Hardswish", "LeakyRelu", "Elu", "Mul", "Div", "View", "UnsafeView",
    "Reshape", "Transpose", "Permute", "T", "Clone", "Alias", "Unsqueeze", "Squeeze", "Slice", "Select", "Expand",
    "ToCopy",
)  # fmt: skip
_ADDING = ("Add", "Sub")


@dataclass(frozen=True)
class Stream:
    """Blocks that add to what they are given, and the layers of neurons that are what they give or are given."""

    width: int
    blocks: tuple[str, ...]
    layers: tuple[str, ...]

    def __str__(self) -> str:
        first, *more = self.blocks
        through = f"{first} to {more[-1]}" if more else first
        in_it = f" ({', '.join(self.layers)})" if self.layers else ""
        return (
            f"the residual stream of {self.width:,} units through {through}{in_it} stays as wide as it is: every block "
            "writes to all of its units, and whatever follows reads them"
        )


def streams_of(panel: Panel) -> list[Stream]:
    """One for each width, in forward order. Cost: two passes of one example, and one of each such block."""
    net = panel.net.net
    names = {layer.module: layer for layer in skippable(panel)}
    neurons = {layer.module: layer.name for layer in panel.net.layers if layer.role == "neurons"}
    given, made = dict[str, tuple[Any, ...]](), dict[str, Any]()

    def note(name: str) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            given[name], made[name] = (args, kwargs), output

        return hook

    modules = modules_by_name(net)
    with ExitStack() as stack, tap(net, ()):
        for name in {*names, *neurons} & set(modules):
            stack.callback(modules[name].register_forward_hook(note(name), with_kwargs=True).remove)
        call(net, panel.example.first(1).for_net(net))
    with tap(net, ()):
        adding = [name for name in names if name in given and adds(modules[name], *given[name])]
    by_width: dict[int, list[str]] = {}
    for name in adding:
        by_width.setdefault(names[name].width, []).append(name)
    return [Stream(width, tuple(some), _within(some, given, made, neurons)) for width, some in by_width.items()]


def _within(
    blocks: Sequence[str], given: Mapping[str, Any], made: Mapping[str, Any], neurons: Mapping[str, str]
) -> tuple[str, ...]:
    """Layers whose output is the very tensor that one of these blocks gives or is given."""
    seen = {id(x) for name in blocks for x in (given[name][0][0], made[name])}
    return tuple(layer for module, layer in neurons.items() if id(made.get(module)) in seen)


def adds(block: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a module gives its first input, plus something: on one path nothing but sums and nonlinearities stand.

    >>> class Residual(nn.Linear):
    ...     def forward(self, x):
    ...         return torch.relu(x + super().forward(x))
    >>> x = torch.ones(1, 3)
    >>> adds(Residual(3, 3), [x], {}), adds(nn.Linear(3, 3), [x], {}), adds(nn.ReLU(), [x], {})
    (True, False, False)
    """
    with torch.enable_grad():
        x = args[0].detach().clone().requires_grad_().view_as(args[0])  # no leaf, which may be changed in place
        output = block(x, *args[1:], **kwargs)
    if not isinstance(output, Tensor) or output.grad_fn is None:
        return False
    return _reaches(output.grad_fn, x.grad_fn, False, set())


def _reaches(node: Any, end: Any, added: bool, seen: set[Any]) -> bool:
    """Whether a way leads from a node to the end on which something is added, and nothing mixes units."""
    if node is end:
        return added
    name = type(node).__name__.partition("Backward")[0]
    if node is None or (node, added) in seen or name not in (*_PASSING, *_ADDING):
        return False
    seen.add((node, added))
    return any(_reaches(after, end, added or name in _ADDING, seen) for after, _ in node.next_functions)
