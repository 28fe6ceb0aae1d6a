"""Which units of a layer can go, and to which unit that stays each of them is handed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from ..intervene.calibrate import calibrate
from ..intervene.needs import SPARED, that_fit_together
from ..intervene.prefix import Prefix, modules_before
from ..intervene.replace import Change, Judge
from ..intervene.search import search
from ..intervene.units import TINY, Ranked, handed, heirs, ranked
from ..layers.layer import Layer
from ..measures.fidelity import loss_by_directions, smallest
from .compress import MEMORY
from .panel import Panel

DEAD, DUPLICATE, NOT_NEEDED = "dead", "duplicate", "not needed"


@dataclass(frozen=True)
class Mask:
    """A layer with some of its units gone: each of them is mean + gain x (its heir - its heir's mean)."""

    layer: str
    stays: Tensor  # (units,) bool
    heir: Tensor  # (units,) int64, a unit that stays
    gain: Tensor  # (units,), 0 where a unit is held at its mean
    mean: Tensor  # (units,)

    @property
    def kept(self) -> int:
        """How many units stay."""
        return int(self.stays.sum())

    @property
    def change(self) -> Change:
        """What the mask makes of the layer's rows."""
        return handed(self.stays, self.heir, self.gain, self.mean)


@dataclass(frozen=True)
class Prunable:
    """A layer of neurons with its units in the order in which they are needed, and what it loses without the last."""

    layer: Layer
    ranks: Ranked  # the dead ones last
    loss: Tensor  # (units + 1,) float64 by the number of units kept, on the choosing examples
    dead: Tensor  # (units,) bool, as the census calls them
    duplicate: Tensor  # (units,) bool

    def mask(self, level: float) -> Mask | None:
        """As few units as lose at most `level`; None where all must stay."""
        kept = smallest(self.loss, 1 - level)
        return None if kept != kept or kept >= self.layer.width else self._keeping(max(1, int(kept)), self.ranks)

    def without(self, gone: Tensor) -> Mask | None:
        """Without these units (units,) bool; None where none or all of them would go."""
        kept = int((~gone).sum())
        if not 0 < kept < self.layer.width:
            return None
        order = self.ranks.order
        later = gone[order].to(torch.int64).argsort(stable=True)
        return self._keeping(kept, replace(self.ranks, order=order[later]))

    def why(self, mask: Mask) -> list[str]:
        """Of each unit, why it goes; empty where it stays."""
        because = [DEAD if dead else DUPLICATE if copy else NOT_NEEDED
                   for dead, copy in zip(self.dead.tolist(), self.duplicate.tolist(), strict=True)]  # fmt: skip
        return ["" if stays else why for stays, why in zip(mask.stays.tolist(), because, strict=True)]

    def _keeping(self, kept: int, ranks: Ranked) -> Mask:
        heir, gain = heirs(ranks, kept)
        gain = torch.where(self.dead, 0.0, gain)  # what is constant follows nothing
        stays = torch.zeros(self.layer.width, dtype=torch.bool, device=heir.device)
        stays[ranks.order[:kept]] = True
        first = ranks.order[0].expand_as(heir)
        return Mask(self.layer.name, stays, torch.where(gain == 0, first, heir), gain, ranks.mean)


def prunable(panel: Panel, units: pd.DataFrame) -> list[Prunable]:
    """Every counted layer of neurons whose answers have a gradient. units: the census's table of units."""
    layers = [layer for layer in panel.net.layers if layer.role == "neurons" and layer.width > 1]
    judge = Judge.of(panel.net, panel.choosing, panel.answers)
    before = modules_before(panel.net, layers, panel.choosing[0])
    found = []
    for layer, ranks in _ranked(panel, layers):
        own = units[units["layer"] == layer.name].sort_values("unit")
        dead, duplicate = (_called(own, fate).to(ranks.order.device) for fate in (DEAD, DUPLICATE))
        later = dead[ranks.order].to(torch.int64).argsort(stable=True)
        ranks = replace(ranks, order=ranks.order[later], value=ranks.value[later])
        loss = _loss(judge, layer, ranks, Prefix(panel.net, before[layer.name], MEMORY * SPARED))
        found.append(Prunable(layer, ranks, loss, dead, duplicate))
    return found


def _called(units: pd.DataFrame, fate: str) -> Tensor:
    return torch.tensor((units["fate"] == fate).fillna(False).to_numpy(dtype=bool))


def _ranked(panel: Panel, layers: list[Layer]) -> Iterator[tuple[Layer, Ranked]]:
    calibrating = sum(len(batch.ids) for batch in panel.calibration)
    for some in that_fit_together(layers, MEMORY, calibrating):
        found = calibrate(panel.net, some, panel.calibration, panel.answers)
        for layer in some:
            moments = found.whole(layer.name)
            found.halves.pop(layer.name)
            if moments.examples:
                yield layer, ranked(moments, found.effects.pop(layer.name))


def _loss(judge: Judge, layer: Layer, ranks: Ranked, prefix: Prefix) -> Tensor:
    total, units = judge.variance.sum().clamp(min=TINY), len(ranks.order)

    def loss(kept: int) -> float:
        if kept == units:
            return 0.0
        heir, gain = heirs(ranks, kept)
        stays = torch.zeros(units, dtype=torch.bool, device=heir.device)
        stays[ranks.order[:kept]] = True
        return float(judge.change(layer, handed(stays, heir, gain, ranks.mean), prefix).sum() / total)

    spectrum = ranks.value.cpu().double()
    tried = search(loss, spectrum, also=(units,) if ranks.by_gradient else (0, units))
    numbers = torch.tensor(list(tried), dtype=torch.int64)
    return loss_by_directions(numbers, torch.tensor(list(tried.values()), dtype=torch.float64), spectrum)
