"""Linear and 1x1 convolution layers with a rank that the answers do not miss, one by one and all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..count.nets import TRAINED, Net
from ..intervene.calibrate import calibrate
from ..intervene.directions import Directions, directions
from ..intervene.needs import SPARED, Tried, that_fit_together
from ..intervene.prefix import Prefix, modules_before
from ..intervene.replace import Judge
from ..intervene.search import search
from ..layers.layer import Layer
from ..layers.net import modules_by_name
from ..measures.fidelity import loss_by_directions, smallest
from .low_rank import LowRank, can_be_two, exchange_modules, numbers_saved
from .panel import Panel

MEMORY = 1e9  # bytes for the matrices of layers at once


@dataclass(frozen=True)
class Candidate:
    """A layer that two thin ones can stand for, and what that loses by their rank."""

    layer: Layer
    module: nn.Module
    directions: Directions
    loss: Tensor  # (rank + 1,) float64, on the choosing examples, between tried ranks by the spectrum

    def rank(self, level: float) -> int | None:
        """The smallest that loses at most `level`; None where that would save nothing."""
        found = smallest(self.loss, 1 - level)
        if found != found:
            return None
        rank = max(1, int(found))
        return rank if numbers_saved(self.module, rank) > 0 else None


def candidates(panel: Panel) -> list[Candidate]:
    """Every linear and 1x1 convolution layer that is called once, with what it needs."""
    whole = Net(TRAINED, panel.net.net, panel.surveyed)
    modules, layers = modules_by_name(whole.net), _layers(panel)
    judge = Judge.of(replace(whole, layers=panel.net.layers), panel.choosing, panel.answers)
    before = modules_before(whole, layers, panel.choosing[0])
    calibrating = sum(len(batch.ids) for batch in panel.calibration)
    found = []
    for some in that_fit_together(layers, MEMORY, calibrating):
        moments = calibrate(whole, some, panel.calibration, panel.answers)
        for layer in some:
            own = directions(moments.whole(layer.name))
            moments.halves.pop(layer.name)
            prefix = Prefix(whole, before[layer.name], MEMORY * SPARED)
            found.append(Candidate(layer, modules[layer.module], own, _loss(judge, layer, own, prefix)))
    return found


def _layers(panel: Panel) -> list[Layer]:
    modules = modules_by_name(panel.net.net)
    calls = Counter(layer.module for layer in panel.surveyed if layer.function is None)
    objects = Counter(id(module) for name, module in modules.items() if calls[name])
    return [
        layer
        for layer in panel.surveyed
        if layer.function is None and calls[layer.module] == 1 and layer.alone is None
        if can_be_two(modules[layer.module]) and objects[id(modules[layer.module])] == 1
    ]


def _loss(judge: Judge, layer: Layer, own: Directions, prefix: Prefix) -> Tensor:
    spectrum = own.spectrum.cpu().double()
    tried = search(Tried(judge, layer, own, prefix).loss, spectrum, also=() if own.by_gradient else (0,))
    numbers = torch.tensor(list(tried), dtype=torch.int64)
    return loss_by_directions(numbers, torch.tensor(list(tried.values()), dtype=torch.float64), spectrum)


def ranks(found: Sequence[Candidate], level: float) -> dict[str, int]:
    """By module: the rank of each layer that loses at most `level` by itself; those that would save nothing stay."""
    return {one.layer.module: rank for one in found for rank in [one.rank(level)] if rank is not None}


def compressed(net: nn.Module, found: Sequence[Candidate], of: dict[str, int]) -> nn.Module:
    """A copy of the net with two thin layers in the place of each of these. of: rank by module."""
    copy = deepcopy(net)
    exchange_modules(copy, dict(_thin(found, of)))
    return copy


def _thin(found: Sequence[Candidate], of: dict[str, int]) -> Iterator[tuple[str, nn.Module]]:
    for one in found:
        if one.layer.module in of:
            yield one.layer.module, LowRank.of(one.module, one.directions, of[one.layer.module])
