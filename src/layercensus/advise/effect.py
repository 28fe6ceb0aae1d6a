"""What a change does to a net's answers: fidelity with its interval, agreement, and accuracy where there are labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..data.batch import Batch
from ..data.keys import key
from ..tally.groups import numbered

RESAMPLES = 1000
TINY = 1e-300


@dataclass(frozen=True)
class Effect:
    """Measured on examples that chose nothing; nan where it cannot be known."""

    fidelity: float  # 1 - squared change of the answers / their variance; 1: nothing changed
    low: float  # its 95 % interval
    high: float
    agreement: float  # fraction of examples of which the net says the same
    accuracy: float  # fraction of labelled examples of which it says the label
    accuracy_before: float
    examples: int

    def holds(self, fidelity: float) -> bool:
        """Whether it is at least so much."""
        return self.fidelity >= fidelity

    def row(self) -> dict[str, Any]:
        """As columns of a table."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Reference:
    """The answers as they are on some examples, and what is known of these."""

    answers: Tensor  # (examples, numbers) float64
    labels: Tensor | None  # (examples,) int64, negative where there is none
    group: Tensor  # (examples,) int64
    classes: bool  # whether the answers are scores of classes
    variance: Tensor = field(init=False)  # (examples,)

    def __post_init__(self) -> None:
        away = self.answers - self.answers.mean(0)
        object.__setattr__(self, "variance", away.square().sum(1) * len(away) / max(1, len(away) - 1))

    @classmethod
    def of(cls, answers: Tensor, batches: Sequence[Batch], *, classes: bool, known: int = 0) -> Reference:
        """answers: of the batches' examples, in their order. known: how many classes the labels name.

        Labels count only where there are as many of them as scores, since only then they are of the net's own classes.
        """
        keys = torch.tensor([key(id) for batch in batches for id in batch.ids])
        given = [batch.labels for batch in batches if batch.labels is not None]
        group = torch.cat([batch.sources(part) for batch, part in _parts(batches, keys)])
        labels = torch.cat(given) if len(given) == len(batches) else None
        classes = classes and answers.shape[1] > 1
        fits = labels is not None and classes and known == answers.shape[1] and bool((labels >= 0).any())
        return cls(answers, labels if fits else None, group, classes)

    def loss(self, changed: Tensor) -> float:
        """1 - fidelity of these answers."""
        return float(self._change(changed).sum() / self.variance.sum().clamp(min=TINY))

    def most_loss(self, changed: Tensor) -> float:
        """What the loss is below with a confidence of 95 %, one-sided, by the ratio's standard error over groups."""
        number = numbered(self.group)
        lost, all_of_it = (_by_group(x, number) for x in (self._change(changed), self.variance))
        ratio = lost.sum() / all_of_it.sum().clamp(min=TINY)
        groups = len(lost)
        error = (lost - ratio * all_of_it).square().sum().sqrt() * math.sqrt(groups / max(1, groups - 1))
        return float(ratio + 1.645 * error / all_of_it.sum().clamp(min=TINY))

    def effect(self, changed: Tensor) -> Effect:
        """What became of the answers."""
        change = self._change(changed)
        low, high = _interval(change, self.variance, self.group)
        fidelity = 1 - float(change.sum() / self.variance.sum().clamp(min=TINY))
        before, after = _said(self.answers, self.classes), _said(changed, self.classes)
        same = float((before == after).double().mean()) if self.answers.shape[1] > 1 else math.nan
        right = (_accuracy(after, self.labels), _accuracy(before, self.labels))
        return Effect(fidelity, low, high, same, *right, len(change))

    def _change(self, changed: Tensor) -> Tensor:
        return (changed - self.answers).square().sum(1).nan_to_num(torch.inf)


def _parts(batches: Sequence[Batch], keys: Tensor) -> list[tuple[Batch, Tensor]]:
    sizes = [len(batch.ids) for batch in batches]
    return list(zip(batches, torch.split(keys, sizes), strict=True))


def _interval(change: Tensor, variance: Tensor, group: Tensor) -> tuple[float, float]:
    """95 % by bootstrap over groups; whatever the seed of the caller."""
    number = numbered(group)
    lost, every = _by_group(change, number), _by_group(variance, number)
    rng = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(lost), (RESAMPLES, len(lost)), generator=rng)
    found = 1 - lost[drawn].sum(1) / every[drawn].sum(1).clamp(min=TINY)
    low, high = found.quantile(torch.tensor([0.025, 0.975], dtype=found.dtype)).tolist()
    return low, high


def _by_group(x: Tensor, number: Tensor) -> Tensor:
    return torch.zeros(int(number.max()) + 1, dtype=x.dtype).index_add_(0, number, x)


def _said(answers: Tensor, classes: bool) -> Tensor:
    """(examples,) the class with the largest score, or the other example whose answer is nearest by the cosine."""
    if classes:
        return answers.argmax(1)
    unit = answers / answers.norm(dim=1, keepdim=True).clamp(min=TINY)
    nearest: Tensor = (unit @ unit.T).fill_diagonal_(-2).argmax(1)
    return nearest


def _accuracy(said: Tensor, labels: Tensor | None) -> float:
    if labels is None:
        return math.nan
    known = labels >= 0
    return float((said[known] == labels[known]).double().mean())
