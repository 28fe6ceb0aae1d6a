"""Units cut out by Torch-Pruning, which follows them through any net: the extra `prune`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from ..errors import CensusError
from ..layers.layer import Layer
from ..layers.net import modules_by_name
from .cut import Cutter, features, hand_over
from .makers import makers_of
from .masks import Mask
from .panel import Panel
from .reads import MAKERS

Members = tuple[tuple[str, ...] | None, dict[str, list[int]]]


def cutter_of(panel: Panel, layers: Sequence[Layer]) -> tuple[Cutter, set[str]]:
    """What cuts, and the layers whose units have one maker that feeds no sum.

    Of layers whose units must go together (those around a depthwise convolution) the last is one; its mask decides.

    Raises:
        CensusError: Torch-Pruning is not installed.
    """
    makers = makers_of(panel, layers)
    graph = _graph(panel.net.net, panel)
    net, last = panel.net.net, dict[tuple[str, ...], str]()
    for layer, maker in makers.items():
        if net.get_submodule(maker) not in graph.module2node:  # the answers do not depend on it
            continue
        made, _ = _members(graph, net, maker, [0])
        if made is not None:
            last[made] = layer
    known = {layer: makers[layer] for layer in last.values()}

    def cutter(masks: Mapping[str, Mask]) -> nn.Module:
        copy = deepcopy(net)
        own = _graph(copy, panel)
        for layer, mask in masks.items():
            if layer in known:
                _cut(own, copy, known[layer], mask)
        return copy

    return cutter, set(known)


def _cut(graph: Any, net: nn.Module, maker: str, mask: Mask) -> None:
    gone = (~mask.stays).nonzero().flatten().tolist()
    group, (_, readers) = _group(graph, net, maker, gone), _members(graph, net, maker, gone)
    for reader, read in readers.items():
        module = net.get_submodule(reader)
        places = features(module, len(mask.stays))
        if sorted(read) != [unit * places + at for unit in gone for at in range(places)]:
            raise CensusError(f"{reader} must read the units of {mask.layer} side by side. Got another order.")
        hand_over(module, mask)
    group.prune()


def _members(graph: Any, net: nn.Module, maker: str, units: list[int]) -> Members:
    """Modules that lose outputs with these, None where several of them mix units, and the inputs that readers lose."""
    names = {module: name for name, module in modules_by_name(net).items()}
    makers, readers, mixing = set[str](), dict[str, list[int]](), 0
    for dependency, indices in _group(graph, net, maker, units):
        module, inputs = dependency.target.module, "in_channels" in dependency.handler.__name__
        if not isinstance(module, MAKERS):
            continue
        if inputs and getattr(module, "groups", 1) == 1:
            readers[names[module]] = list(map(int, indices))
        else:
            makers.add(names[module])
            mixing += getattr(module, "groups", 1) == 1
    return (None if mixing > 1 or not readers else tuple(sorted(makers))), readers


def _group(graph: Any, net: nn.Module, maker: str, units: list[int]) -> Any:
    module = net.get_submodule(maker)
    return graph.get_pruning_group(module, graph.get_pruner_of_module(module).prune_out_channels, idxs=units)


def _graph(net: nn.Module, panel: Panel) -> Any:
    try:
        import torch_pruning
    except ImportError as error:
        raise CensusError("engine='torch_pruning' needs Torch-Pruning: pip install 'layercensus[prune]'.") from error
    trained = [p.requires_grad for p in net.parameters()]
    inputs = panel.example.first(1).for_net(net)
    with torch.enable_grad():
        graph = torch_pruning.DependencyGraph().build_dependency(net.requires_grad_(True), example_inputs=inputs)
    for parameter, was in zip(net.parameters(), trained, strict=True):
        parameter.requires_grad_(was)
    return graph
