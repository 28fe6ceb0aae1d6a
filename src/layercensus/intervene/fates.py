"""The units that the funnel calls dead, noise or duplicate taken out of the net, and what its answers lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import torch
from torch import Tensor

from ..count.enough_memory import enough_memory
from ..count.nets import Net
from ..count.plan import Plan
from ..count.store import Store
from ..data.batch import Batch
from ..errors import CensusError
from ..layers.exchange import Given
from ..layers.layer import Layer
from ..layers.tap import tap
from ..measures import FATES
from .answers import Answers, Choice
from .ask import GIGABYTE, question_of
from .examples import Examples, that_fit
from .moments import exact
from .needs import SPARED
from .passes import passed, passes, shown
from .prefix import Prefix, modules_before
from .replace import Change, Judge

Lost = Mapping[str, Mapping[str, float]]  # by layer and by what its units are called
CALLED = FATES[:-1]  # all but the distinct ones


@dataclass(frozen=True)
class Called:
    """Units of one layer by what they are called, and the unit that stands for each duplicate."""

    dead: Tensor  # (dead,) int64
    noise: Tensor  # (noise,) int64
    duplicate: Tensor  # (duplicates,) int64
    heir: Tensor  # (duplicates,) int64


def ask_fates(
    plan: Plan, store: Store, output: Choice, units: pd.DataFrame, *, classes: int
) -> tuple[Lost, str]:  # fmt: skip
    """What the trained net's answers lose without the units that a census calls dead, noise or duplicate.

    units: the census's table of units. Of the layers that are asked what the net needs of them; empty where it cannot
    be asked, as `ask_needs` says then, or with the reason why it could not be taken out.
    """
    question = question_of(plan, store, output, classes)
    if question is None or not question.examples.enough:
        return {}, ""
    called = {layer.name: _called(units[units["layer"] == layer.name]) for layer in question.layers}
    called = {name: each for name, each in called.items() if len(each.dead) + len(each.noise) + len(each.duplicate)}
    settings, answers = plan.settings, question.answers

    def take_out(examples: Examples) -> Lost:
        with enough_memory("Taking units out", "Pass a smaller batch, or needed=False"):
            return losses_without(plan.nets.trained, called, examples, answers, memory=settings.memory * GIGABYTE)

    try:
        lost = that_fit(question.examples, take_out, said=settings.progress)
    except CensusError as error:
        return {}, str(error)
    return lost, ""


def _called(units: pd.DataFrame) -> Called:
    """units: those of one layer."""
    of = {fate: units[units["fate"] == fate] for fate in CALLED}
    dead, noise, duplicate = (torch.tensor(of[fate]["unit"].astype(int).tolist(), dtype=torch.int64) for fate in CALLED)
    heir = torch.tensor(of["duplicate"]["representative"].astype(int).tolist(), dtype=torch.int64)
    return Called(dead, noise, duplicate, heir)


@dataclass
class _Sums:
    """Sums over calibration examples, each of which weighs the same."""

    called: Called
    examples: int = 0
    first: Tensor = field(default_factory=lambda: torch.zeros(0))  # (units,)
    places: Tensor | None = None  # (positions, dead), where all examples have the same positions
    cross: Tensor = field(default_factory=lambda: torch.zeros(0))  # (duplicates,)
    own: Tensor = field(default_factory=lambda: torch.zeros(0))  # (duplicates,)

    def add(self, rows: Tensor, weight: Tensor) -> None:
        """rows: (examples, positions, units). weight: (examples, positions), of each example summing to 1."""
        rows = rows.to(weight)
        self.first = _plus(self.first, torch.einsum("ep,epu->u", weight, rows))
        dead = rows[..., self.called.dead].sum(0)
        fits = self.places is not None and self.places.shape == dead.shape
        self.places = dead if not self.examples else self.places + dead if fits else None  # type: ignore[operator]
        one, other = (rows[..., units] for units in (self.called.duplicate, self.called.heir))
        self.cross = _plus(self.cross, torch.einsum("ep,epu->u", weight, one * other))
        self.own = _plus(self.own, torch.einsum("ep,epu->u", weight, other * other))
        self.examples += len(rows)

    def without(self, fate: str) -> Change:
        """The change that takes out the units of this name."""
        mean = self.first / max(1, self.examples)
        units, heir = getattr(self.called, fate), self.called.heir
        if fate == "duplicate":
            gain = (self.cross / self.examples - mean[units] * mean[heir]) / (
                self.own / self.examples - mean[heir].square()
            ).clamp(min=1e-300)
            return lambda rows: _put(rows, units, mean[units] + gain * (rows[..., heir].to(mean) - mean[heir]))
        if fate == "dead" and self.places is not None:
            places = self.places / self.examples
            return lambda rows: _put(rows, units, places if len(places) == rows.shape[1] else mean[units])
        return lambda rows: _put(rows, units, mean[units])


def losses_without(
    net: Net, called: Mapping[str, Called], examples: Examples, answers: Answers, *, memory: float
) -> dict[str, dict[str, float]]:
    """By layer and name: the fraction of the answers' variance on held-out examples that is lost without these units.

    Dead units are put at what they are at each position, noise at its mean, a duplicate at what its representative
    says of it on a line fitted to the calibration examples. Cost: two passes, and one for each name in a layer.
    """
    layers = [net.layer(name) for name in called]
    judge, sums = Judge.of(net, examples.held_out, answers), _sums(net, layers, called, examples.calibration, answers)
    before = modules_before(net, layers, examples.held_out[0])
    total, found = judge.variance.sum().clamp(min=1e-300), dict[str, dict[str, float]]()
    for layer in layers:
        prefix = Prefix(net, before[layer.name], memory * SPARED)
        found[layer.name] = {
            fate: float(judge.change(layer, sums[layer.name].without(fate), prefix).sum() / total)
            for fate in CALLED
            if len(getattr(called[layer.name], fate))
        }
    return found


def _sums(
    net: Net, layers: Sequence[Layer], called: Mapping[str, Called], batches: Sequence[Batch], answers: Answers
) -> dict[str, _Sums]:
    sums = {layer.name: _Sums(called[layer.name]) for layer in layers}
    mask: Tensor | None = None

    def read(given: Given) -> None:
        rows = given.rows()
        seen = torch.ones(rows.shape[:2]) if mask is None or mask.shape != rows.shape[:2] else mask
        weight = seen.to(rows.device, exact(rows.device))
        sums[given.layer.name].add(rows, weight / weight.sum(1, keepdim=True).clamp(min=1e-9))

    with tap(net.net, layers, exchange=read):
        for batch in passes(net, batches, answers.seed):
            mask = shown(batch)
            passed(net, batch)
    return sums


def _put(rows: Tensor, units: Tensor, values: Tensor) -> Tensor:
    changed = rows.clone()
    changed[..., units] = values.to(rows).expand(changed[..., units].shape)
    return changed


def _plus(a: Tensor, b: Tensor) -> Tensor:
    return b if not a.numel() else a + b
