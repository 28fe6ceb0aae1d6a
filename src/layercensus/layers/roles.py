"""Which outputs are nonlinearities, blocks or the last layer, and which of them are counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn

from .net import modules_by_name
from .trace import Output, Trace

_CONTAINERS = (nn.Sequential, nn.ModuleList)


def roles(net: nn.Module, traced: Trace) -> list[str]:
    """The role of every output in their order: "neurons", "block", "output" or "other".

    block: a module whose own forward adds two activations, or the nearest module around it that stands in a list with
        others of its class (a BertLayer adds inside its parts); then all of its class in that list are blocks.
    output: the last module with parameters of its own on the way to what the net returns, unless a nonlinearity or a
        block stands at or behind it: then that one, counted as what it is, ends the net.

    >>> import torch
    >>> from layercensus.layers.trace import trace
    >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> roles(net, trace(net, torch.randn(5, 3)))
    ['other', 'neurons', 'output']
    """
    outputs = list(traced.outputs.values())
    blocks = blocks_of(net, {output.module for output in outputs if output.residual})
    named = [_role(output, blocks) for output in outputs]
    last = _last(outputs, traced, named)
    if last is not None:
        named[last] = "output"
    return named


def counted(outputs: Sequence[Output], named: Sequence[str], problems: Sequence[str | None]) -> list[bool]:
    """Which outputs are counted by default: all with a role and no problem, but one and the same tensor only once.

    A block that returns its last nonlinearity's output is counted as that nonlinearity.
    """
    counted_bits: set[int] = set()
    default = [False] * len(outputs)
    for role in ("output", "neurons", "block"):
        for index, output in enumerate(outputs):
            if named[index] == role and problems[index] is None and output.bit not in counted_bits:
                default[index] = True
                counted_bits |= {output.bit} if output.bit else set()
    return default


def blocks_of(net: nn.Module, adding: Iterable[str]) -> set[str]:
    """Names of the blocks, given the modules whose own forward adds two activations."""
    modules = modules_by_name(net)
    in_lists: set[str] = set()
    alone: set[str] = set()
    for name in adding:
        family = next((f for f in (_family(modules, n) for n in _upwards(name)) if f), None)
        if family:
            in_lists |= family
        else:
            alone.add(name)
    return in_lists | {name for name in alone if not any(around in in_lists | alone for around in _upwards(name)[1:])}


def _role(output: Output, blocks: set[str]) -> str:
    if output.nonlinear:
        return "neurons"
    return "block" if output.function is None and output.module in blocks else "other"


def _upwards(name: str) -> list[str]:
    """The name itself, then those of the modules around it; the net itself is left out."""
    steps = name.split(".")
    return [".".join(steps[:n]) for n in range(len(steps), 0, -1)]


def _family(modules: dict[str, nn.Module], name: str) -> set[str]:
    """Names of all modules of its class in the list that it stands in; none where the others are of other classes."""
    parent = name.rpartition(".")[0]
    module = modules.get(name)
    if module is None or not isinstance(modules.get(parent), _CONTAINERS) or type(module) in _CONTAINERS:
        return set()
    start = f"{parent}." if parent else ""
    beside = [n for n in modules if n and n.rpartition(".")[0] == parent and n.startswith(start)]
    alike = {n for n in beside if type(modules[n]) is type(module)}
    return alike if len(alike) > 1 or len(beside) == 1 else set()


def _last(outputs: Sequence[Output], traced: Trace, named: Sequence[str]) -> int | None:
    """The index of the last layer, where it is counted as that."""
    leading = traced.returned.all if traced.returned else 0
    on_the_way = [index for index, output in enumerate(outputs) if output.bit & leading]
    owners = [index for index in on_the_way if outputs[index].parameters and outputs[index].function is None]
    if not owners:
        return None
    last = owners[-1]
    behind = (outputs[index].origin for index in on_the_way if named[index] in ("neurons", "block"))
    return None if any(origin and origin.all & outputs[last].bit for origin in behind) else last
