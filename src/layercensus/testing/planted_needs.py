"""What a linear head would need of a layer, made from its rows without a net."""

from __future__ import annotations

import torch
from torch import Tensor

from ..intervene.directions import Directions, directions
from ..intervene.effects import Effects
from ..intervene.moments import Moments
from ..intervene.units import Ranked, keeping, ranked
from ..tally import Needs, UnitNeeds


def planted_needs(rows: Tensor, head: Tensor) -> Needs:
    """The needs of a net that answers with the mean over positions of rows @ head.

    rows: (examples, positions, units), the first half of which calibrates. head: (units, answers).
    """
    half = len(rows) // 2
    weight = torch.full(rows.shape[:2], 1 / rows.shape[1])
    found, moments = rows[half:].double(), Moments()
    moments.add(rows[:half], weight[:half])
    moments.add_gradient(head.T.double()[:, None])
    whole = directions(moments)
    tried = torch.arange(whole.rank + 1)
    answers = (found @ head.double()).mean(1)
    change = (
        torch.stack([(_kept(found, whole, int(k)) @ head.double()).mean(1) - answers for k in tried]).square().sum(2)
    )
    return Needs(
        whole.mean, whole.reader, whole.writer, whole.spectrum, tried, change,
        (answers - answers.mean(0)).square().sum(1), torch.arange(half, len(rows)),
        torch.full((len(tried),), torch.nan, dtype=torch.float64), torch.tensor(half),
        torch.tensor(half * rows.shape[1]), torch.tensor(True), _units(rows, head, moments),
    )  # fmt: skip


def _units(rows: Tensor, head: Tensor, moments: Moments) -> UnitNeeds:
    """The same for units; the random combinations of answers of an example are its answers, each by itself."""
    half, effects = len(rows) // 2, Effects()
    for answer in head.T:
        effects.watch(rows[:half])(answer.expand(rows[:half].shape) / rows.shape[1])
    ranks, found = ranked(moments, effects), rows[half:].double()
    answers = (found @ head.double()).mean(1)
    tried = torch.arange(len(ranks.order) + 1)
    change = torch.stack([_changed(found, ranks, int(k), head.double(), answers) for k in tried])
    variance = (answers - answers.mean(0)).square().sum(1)
    return UnitNeeds(ranks.order, ranks.value, ranks.effect / variance.mean(), tried, change, variance)


def _changed(rows: Tensor, ranks: Ranked, kept: int, head: Tensor, answers: Tensor) -> Tensor:
    return ((keeping(ranks, kept)(rows) @ head).mean(1) - answers).square().sum(1)


def _kept(rows: Tensor, whole: Directions, kept: int) -> Tensor:
    return whole.mean + (rows - whole.mean) @ whole.reader[:, :kept] @ whole.writer[:, :kept].T
