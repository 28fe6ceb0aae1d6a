"""How well a linear probe reads classes from each layer: fitted on one half of the panel, judged on the other."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from ..measures.readable import PENALTIES, ridge
from ..tally.groups import halves, numbered
from .effect import RESAMPLES
from .features import Features

LEAST = 16  # labelled examples on each side


@dataclass(frozen=True)
class Probed:
    """One layer's probe."""

    inner: float  # accuracy from half to half of the fitting examples: what chooses a layer
    right: Tensor  # (judged,) float64, 1 where the probe says the class of a judging example


def classes_of(fitting: Features, judging: Features) -> tuple[Tensor, Tensor] | None:
    """(examples,) int64 of either side: labels as consecutive numbers, -1 for none and for classes not fitted.

    None where fewer than two classes, or than LEAST examples of either side, have one.
    """
    known = torch.unique(fitting.labels[fitting.labels >= 0])
    if len(known) < 2:
        return None
    both = [_numbers(side.labels, known) for side in (fitting, judging)]
    if min(int((numbers >= 0).sum()) for numbers in both) < LEAST:
        return None
    return both[0], both[1]


def _numbers(labels: Tensor, known: Tensor) -> Tensor:
    at = torch.searchsorted(known, labels).clamp(max=len(known) - 1)
    return torch.where(known[at] == labels, at, -1)


def probed(x: Tensor, classes: Tensor, group: Tensor, other: Tensor, truth: Tensor) -> Probed:
    """A ridge regression of the classes on x, (examples, units), whose penalty is chosen on a part of these examples.

    classes, group: (examples,). other: (judged, units), truth: (judged,): the judging side. Classes below 0 are left
    out.
    """
    known, judged = classes >= 0, truth >= 0
    x, group, has = x[known], group[known], torch.nn.functional.one_hot(classes[known]).float()
    half = halves(group) == 0
    part = ridge(x[half], has[half])
    within = [_right(part.scores(x[~half], _same(penalty, has)), has[~half].argmax(1)) for penalty in PENALTIES]
    found = torch.stack([right.mean() for right in within])
    best = len(PENALTIES) - 1 - int(found.flip(0).argmax())  # of equals the largest
    scores = ridge(x, has).scores(other[judged], _same(PENALTIES[best], has))
    return Probed(float(found[best]), _right(scores, truth[judged]))


def _same(penalty: float, has: Tensor) -> Tensor:
    return torch.full((has.shape[1],), penalty)


def _right(scores: Tensor, truth: Tensor) -> Tensor:
    return (scores.argmax(1) == truth).double()


def probe_table(fitting: Features, judging: Features) -> pd.DataFrame | None:
    """A row for each layer in forward order; None without classes.

    accuracy, low, high: on the judging half, with a 95 % interval. behind, behind_low, behind_high: how far it is
    behind the layer that does best within the fitting half, which is `best`. as_good: the interval holds 0.
    """
    classes = classes_of(fitting, judging)
    if classes is None:
        return None
    own, truth = classes
    group = judging.group[truth >= 0]
    found = {name: probed(x, own, fitting.group, judging.rows[name], truth) for name, x in fitting.rows.items()}
    best = max(found, key=lambda name: found[name].inner)
    rows = [_row(name, one, found[best], group) | {"best": name == best} for name, one in found.items()]
    chance = float(torch.bincount(truth[truth >= 0]).max() / (truth >= 0).sum())
    return pd.DataFrame(rows).assign(chance=chance, examples=len(group))


def _row(name: str, one: Probed, best: Probed, group: Tensor) -> dict[str, object]:
    low, high = mean_interval(one.right, group)
    behind = best.right - one.right
    behind_low, behind_high = mean_interval(behind, group)
    return {
        "layer": name, "accuracy": float(one.right.mean()), "low": low, "high": high, "behind": float(behind.mean()),
        "behind_low": behind_low, "behind_high": behind_high, "as_good": behind_low <= 0,
    }  # fmt: skip


def mean_interval(values: Tensor, group: Tensor) -> tuple[float, float]:
    """95 % of a mean over examples, by bootstrap over groups. values: (examples,) float64. group: (examples,) int64."""
    number = numbered(group)
    sums = torch.zeros(int(number.max()) + 1, dtype=torch.float64).index_add_(0, number, values)
    sizes = torch.bincount(number).double()
    drawn = torch.randint(len(sums), (RESAMPLES, len(sums)), generator=torch.Generator().manual_seed(0))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high
