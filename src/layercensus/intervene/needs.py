"""What each net needs of each layer: directions from one half of the panel, judged by intervention on the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..count.nets import Net
from ..data.keys import key
from ..layers.layer import Layer
from ..measures.fidelity import loss_by_directions, smallest
from ..tally import Needs
from .answers import Answers
from .calibrate import calibrate
from .directions import Directions, directions
from .examples import Examples
from .moments import WIDE
from .prefix import Prefix, modules_before
from .replace import Judge, projection
from .search import COLUMN, search
from .units import ranked, units_of

FULLEST = 0.99  # the highest at which directions are kept
SPARED = 1 / 8  # of the memory, for what is not run again
BYTES = 8  # of a number of the moments


@dataclass(frozen=True)
class Tried:
    """The change of each held-out example's answer with so many directions kept."""

    judge: Judge
    layer: Layer
    directions: Directions
    prefix: Prefix
    change: dict[int, Tensor] = field(default_factory=dict)

    def loss(self, kept: int) -> float:
        """1 - fidelity with the first `kept` directions."""
        if kept not in self.change:
            self.change[kept] = self.judge.change(self.layer, projection(self.directions, kept), self.prefix)
        return float(self.change[kept].sum() / self.judge.variance.sum().clamp(min=1e-300))


def needs_of(
    net: Net, layers: Sequence[Layer], examples: Examples, answers: Answers, *, memory: float, units: bool = True
) -> Iterator[tuple[Layer, Needs]]:
    """What the net needs of each layer, one after the other; nothing of one that no calibrating example reaches.

    memory: bytes for the matrices of layers at once. units: asks for single units as well as for directions.
    """
    judge = Judge.of(net, examples.held_out, answers)
    before = modules_before(net, layers, examples.held_out[0])
    for some in that_fit_together(layers, memory, examples.calibrating):
        found = calibrate(net, some, examples.calibration, answers)
        for layer in some:
            moments, effects = found.whole(layer.name), found.effects.pop(layer.name)
            first = found.halves.pop(layer.name)[0]
            if not moments.examples:
                continue
            whole, half = directions(moments), directions(first if first.examples else moments)
            prefix = Prefix(net, before[layer.name], memory * SPARED)
            needs = _needs(judge, layer, whole, half, prefix)
            if units:
                needs = replace(needs, units=units_of(judge, layer, ranked(moments, effects), prefix))
            yield layer, needs


def _needs(judge: Judge, layer: Layer, whole: Directions, half: Directions, prefix: Prefix) -> Needs:
    tried = Tried(judge, layer, whole, prefix)
    spectrum = whole.spectrum.cpu().double()
    losses = search(tried.loss, spectrum, also=() if whole.by_gradient else (0,))
    numbers = torch.tensor(list(losses), dtype=torch.int64)
    curve = loss_by_directions(numbers, torch.tensor(list(losses.values()), dtype=torch.float64), spectrum)
    kept = smallest(curve, FULLEST)
    kept = whole.rank if kept != kept else int(kept)
    fewer = _fewer(replace(tried, directions=half, change={}), losses, curve)
    return Needs(
        mean=whole.mean.cpu().double(), reader=whole.reader[:, :kept].cpu().double().contiguous(),
        writer=whole.writer[:, :kept].cpu().double().contiguous(), spectrum=spectrum, tried=numbers,
        change=torch.stack([tried.change[k] for k in losses]), variance=judge.variance,
        held_out=torch.tensor([key(id) for id in judge.keys]), fewer=fewer,
        examples=torch.tensor(whole.examples), rows=torch.tensor(whole.rows),
        by_gradient=torch.tensor(whole.by_gradient),
    )  # fmt: skip


def _fewer(half: Tried, losses: dict[int, float], curve: Tensor) -> Tensor:
    """(tried,) the fidelity with as many directions of half of the examples, at the number that holds COLUMN."""
    wanted = smallest(curve, COLUMN)
    at = min(losses, key=lambda k: abs(k - wanted)) if wanted == wanted else None
    found = torch.full((len(losses),), torch.nan, dtype=torch.float64)
    if at:
        found[list(losses).index(at)] = 1 - half.loss(min(at, half.directions.rank))
    return found


def that_fit_together(layers: Sequence[Layer], memory: float, examples: int) -> Iterator[list[Layer]]:
    """The layers in groups whose matrices fit together; a layer that does not fit is one of its own."""
    group: list[Layer] = []
    size = 0.0
    for layer in layers:
        own = BYTES * layer.width * (4.0 * min(layer.width, WIDE) + 2 * examples)
        if group and size + own > memory:
            yield group
            group, size = [], 0.0
        group.append(layer)
        size += own
    if group:
        yield group
