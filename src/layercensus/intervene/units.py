"""The units of a layer in the order in which the net's answers need them, and the layer with only the first kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..layers.layer import Layer
from ..tally import UnitNeeds
from .effects import Effects
from .moments import Moments
from .prefix import Prefix
from .replace import Change, Judge
from .search import search

ALIKE = 0.5  # squared correlation from which on a unit goes with one before it: more than half of it is the same
TINY = 1e-300


@dataclass(frozen=True)
class Ranked:
    """Units, those first without which the answers change most, and how they vary together."""

    order: Tensor  # (units,) int64
    value: Tensor  # (units,) float64, in that order, never rising: what each adds to first order
    effect: Tensor  # (units,) float64, by unit: what putting it at its mean alone changes; nan without a gradient
    mean: Tensor  # (units,)
    covariance: Tensor | None  # (units, units); None in wide layers, where no unit is handed to another

    @property
    def by_gradient(self) -> bool:
        """Whether gradients made the order; else the units' variances did."""
        return not bool(self.effect.isnan().any())


def units_of(judge: Judge, layer: Layer, ranks: Ranked, prefix: Prefix | None = None) -> UnitNeeds:
    """How many units hold the answers. Cost: some three forward passes over the held-out examples."""
    units = len(ranks.order)
    change = {units: torch.zeros_like(judge.variance)}
    total = judge.variance.sum().clamp(min=TINY)

    def loss(kept: int) -> float:
        if kept not in change:
            change[kept] = judge.change(layer, keeping(ranks, kept), prefix)
        return float(change[kept].sum() / total)

    spectrum = ranks.value.cpu().double()
    tried = search(loss, spectrum, also=(units,) if ranks.by_gradient else (0, units), others=False)
    return UnitNeeds(
        order=ranks.order.cpu(), spectrum=spectrum, effect=ranks.effect.cpu() / judge.variance.mean().clamp(min=TINY),
        tried=torch.tensor(list(tried), dtype=torch.int64), change=torch.stack([change[kept] for kept in tried]),
        variance=judge.variance,
    )  # fmt: skip


def ranked(moments: Moments, effects: Effects) -> Ranked:
    """The order of the units; one that another says as well stands behind what it does not add.

    Units that go together are led by the one with the largest effect, whose own is that of all of them at once.
    """
    mean = moments.first / max(1, moments.examples)
    covariance = None if moments.kept else moments.second / max(1, moments.examples) - torch.outer(mean, mean)
    if not effects.product:
        value = torch.cat(moments.kept).square().sum(0) if covariance is None else covariance.diagonal().clamp(min=0)
        return _sorted(value, torch.full_like(value, torch.nan), mean, covariance)
    moved = effects.moved(mean) / max(1, moments.examples) ** 0.5
    effect = moved.square().sum(0)
    value = effect
    if covariance is not None:
        leader, like = _leaders(effect, covariance)
        together = torch.zeros_like(moved).index_add_(1, leader, moved * like).square().sum(0)
        value = torch.where(leader == torch.arange(len(leader), device=leader.device), together, effect * (1 - like))
    return _sorted(value, effect, mean, covariance)


def keeping(ranks: Ranked, kept: int) -> Change:
    """The change that leaves the first `kept` units.

    Each other one becomes what the kept unit most like it says of it, on a line fitted to the calibration examples.
    """
    heir, gain = heirs(ranks, kept)
    stays = torch.zeros(len(heir), dtype=torch.bool, device=heir.device)
    stays[ranks.order[:kept]] = True
    return handed(stays, heir, gain, ranks.mean)


def handed(stays: Tensor, heir: Tensor, gain: Tensor, mean: Tensor) -> Change:
    """The change that puts units at mean + gain x (what their heir is above its own mean), but those that stay.

    All (units,); a gain of 0 puts a unit at its mean.
    """

    def change(rows: Tensor) -> Tensor:
        own = torch.float64 if rows.dtype == torch.float64 else torch.float32
        middle, rows = mean.to(own), rows.to(own)
        return torch.where(stays, rows, middle + (rows - middle)[..., heir] * gain.to(own))

    return change


def heirs(ranks: Ranked, kept: int) -> tuple[Tensor, Tensor]:
    """(units,) each: to which of the first `kept` units a unit is handed, and with which gain."""
    itself = torch.arange(len(ranks.order), device=ranks.order.device)
    if ranks.covariance is None or not kept:
        return itself, torch.zeros_like(ranks.mean)
    chosen = ranks.order[:kept]
    heir = chosen[likeness(ranks.covariance, chosen).argmax(1)]
    variance = ranks.covariance.diagonal()
    gain = torch.where(variance[heir] > 0, ranks.covariance[itself, heir] / variance[heir], 0.0)
    return heir, gain


def likeness(covariance: Tensor, chosen: Tensor) -> Tensor:
    """(units, chosen) squared correlations, 0 with a unit that does not vary."""
    variance = covariance.diagonal().clamp(min=0)
    return (covariance[:, chosen].square() / (variance[:, None] * variance[chosen]).clamp(min=TINY)).clamp(max=1)


def _leaders(effect: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """(units,) each: the unit that leads it, itself or one with a larger effect, and their squared correlation."""
    units = len(effect)
    like = likeness(covariance, torch.arange(units, device=effect.device)).cpu()
    leader, leads, of_leader = torch.arange(units), torch.zeros(units, dtype=like.dtype), torch.ones_like(like[0])
    for unit in effect.argsort(descending=True, stable=True).tolist():
        best, at = (like[unit] * leads).max(0)
        if best >= ALIKE:
            leader[unit], of_leader[unit] = at, best
        else:
            leads[unit] = 1
    return leader.to(effect.device), of_leader.to(effect.device)


def _sorted(value: Tensor, effect: Tensor, mean: Tensor, covariance: Tensor | None) -> Ranked:
    order = value.argsort(descending=True, stable=True)
    return Ranked(order, value[order], effect, mean, covariance)
