"""Does a unit tell the classes apart?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from scipy.stats import beta
from torch import Tensor

from ..tally.groups import alone
from .by_units import by_units
from .chance import detectable, discoveries
from .column import Column
from .column import interval as interval_columns
from .dealt import Dealt
from .interval import bounds, example_weights, recentred
from .measure import Evidence, Measure, Outcome
from .permuted_labels import orders
from .reliability import FEWEST, reliable_replicates

PERMUTATIONS = 999
TWIN_QUANTILE = 0.95
AT_A_TIME = 27  # permutations
FEW_CLASSES, FEW_UNITS = 40, 8


def compute(evidence: Evidence) -> Outcome:
    """eta^2 of the spatial mean over classes, against permuted labels and against the untrained twin's best units."""
    known = evidence.panel.label >= 0
    if evidence.classes < 2 or int(known.sum()) < 2 * FEWEST:
        return Outcome()
    x, live, group = evidence.panel.mean, evidence.units["live"], evidence.panel.group[known]
    x = x if bool(known.all()) else x[known]
    met, label = evidence.panel.label[known].unique(return_inverse=True)  # type: ignore[no-untyped-call]
    if len(met) < 2:
        return Outcome()
    eta2 = torch.where(live, by_units(lambda x: eta_squared(x, label, len(met)), x), torch.nan)
    each = AT_A_TIME * (len(x) + 2 * len(met))  # numbers that a unit's permutations take
    chance = Chance(label, len(met), group, evidence.seed)
    p = torch.where(live, by_units(chance.p, x, each=each), torch.nan)
    p = detectable(p, evidence.settings.q, lambda few, n: chance.p(x[:, few], n))
    significant = discoveries(p, evidence.settings.q)
    rarest = (
        float(p[significant].max())
        if bool(significant.any())
        else evidence.settings.q / max(int((~p.isnan()).sum()), 1)
    )
    dealt = Dealt.of(group)
    threshold = by_units(lambda x: chance.threshold(x, rarest), x, each=max(each, 5 * PERMUTATIONS))
    untrained = eta2 if evidence.is_twin else evidence.twin_eta2
    if untrained is not None:
        others = untrained[~untrained.isnan()]
        best = float(others.quantile(TWIN_QUANTILE)) if len(others) else 0.0
        significant, threshold = significant & (eta2 > best), threshold.clamp(min=best)
    if "reliable" not in evidence.units:
        return Outcome(units={"eta2": eta2, "eta2_p": p, "informative": significant})
    count = int((significant & evidence.units["reliable"]).sum())
    weights = example_weights(dealt, evidence.settings.resamples, evidence.seed + 3)
    replicates = (
        recentred(by_units(lambda x: eta_squared_replicates(x, label, len(met), weights), x), eta2) >= threshold
    )
    counts = dealt.widened((replicates & reliable_replicates(evidence)).sum(1), count, evidence.width)
    return Outcome(
        layer={"informative": count} | bounds("informative", count, counts, dealt, evidence.width),
        units={"eta2": eta2, "eta2_p": p, "informative": significant},
        arrays={"informative_resamples": counts},
    )


def eta_squared(x: Tensor, label: Tensor, classes: int) -> Tensor:
    """eta^2 = between-class / total sum of squares of each unit, (units,) float32; nan for a unit that does not vary.

    x: (examples, units); label: (examples,) int64 in 0..classes-1.
    """
    centred = x.double() - x.double().mean(0)
    total = centred.square().sum(0)
    between = _between(centred.float(), label[None], classes)[0]
    return torch.where(total > 0, between / total.clamp(min=1e-300), torch.nan).float().clamp(max=1)


def eta_squared_replicates(x: Tensor, label: Tensor, classes: int, weights: Tensor) -> Tensor:
    """The same for every resample: weights (resamples, examples) -> (resamples, units)."""
    x = (x.double() - x.double().mean(0)).float()
    n = weights.sum(1, keepdim=True)
    middle = (weights @ x).square() / n
    total, between = weights @ x.square() - middle, -middle
    for number in range(classes):
        mine = label == number
        size = weights[:, mine].sum(1, keepdim=True)
        between = between + (weights[:, mine] @ x[mine]).square() / size.clamp(min=1)
    return torch.where(total > 0, between / total.clamp(min=1e-30), torch.nan)


@dataclass(frozen=True)
class Chance:
    """What permuted labels give; see `permuted_labels` for what is permuted."""

    label: Tensor  # (examples,) int64 in 0..classes-1
    classes: int
    group: Tensor  # (examples,) int64
    seed: int

    def p(self, x: Tensor, permutations: int = PERMUTATIONS) -> Tensor:
        """(1 + permutations of the labels with at least this eta^2) / (1 + permutations), for each unit."""
        x = centred(x)
        observed = _between(x, self.label[None], self.classes)[0] * (1 - 1e-5)
        better = torch.zeros(x.shape[1])
        for between in self._permuted(x, permutations):
            better += (between >= observed).sum(0)
        return (1 + better) / (1 + permutations)

    def threshold(self, x: Tensor, p: float) -> Tensor:
        """(units,) eta^2 that chance reaches as rarely as `p`; of examples that stand alone by the normal law."""
        if alone(self.group):
            n = len(x)
            return torch.full(x.shape[1:], float(beta.isf(p, (self.classes - 1) / 2, (n - self.classes) / 2)))
        x = centred(x)
        between = torch.cat(list(self._permuted(x, PERMUTATIONS)))
        return (between / x.square().sum(0).clamp(min=1e-30)).quantile(1 - p, dim=0)

    def _permuted(self, x: Tensor, permutations: int) -> Iterator[Tensor]:
        """Sums of squares between classes of centred columns, some permutations at a time: (some, units)."""
        for labels in orders(self.label, self.group, self.seed).stacks(permutations, AT_A_TIME):
            yield _between(x, labels, self.classes)


def centred(x: Tensor) -> Tensor:
    """Each column less its mean, float32."""
    return (x.double() - x.double().mean(0)).float()


def _between(centred: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Sum of squares between classes for each labelling: labels (labellings, examples) -> (labellings, units)."""
    labellings, n = labels.shape
    slot = (labels + classes * torch.arange(labellings)[:, None]).flatten()
    size = torch.bincount(slot, minlength=labellings * classes).view(labellings, classes, 1).clamp(min=1)
    if classes <= FEW_CLASSES and centred.shape[1] > FEW_UNITS:  # then one product is faster than adding rows
        sums = torch.zeros(labellings, classes, n).scatter_(1, labels[:, None], 1.0).view(-1, n) @ centred
    else:
        sums = torch.zeros(labellings * classes, centred.shape[1]).index_add_(0, slot, centred.repeat(labellings, 1))
    sums = sums.view(labellings, classes, -1)
    return (sums.square() / size).sum(1)


informative = Measure(
    "informative",
    compute,
    layer_columns={
        "informative": Column(
            "reliable units whose eta^2 beats permuted labels (Benjamini-Hochberg) and, with a twin, the 95 % quantile "
            "of the untrained units",
            "units", 0, source="docs/numbers.md", kind="count", order=150,
            resamples="informative", excess=True, trend=("informative", "raw"), needs_twin=True,
        ),
        **interval_columns("informative", "units", 320),
    },
    unit_columns={
        "eta2": Column(
            "fraction of the unit's variance that lies between classes", "", 0, 1, kind="fraction", order=90
        ),
        "eta2_p": Column("permutation p of eta^2", "", 0, 1, kind="fraction", order=150, shown=False),
        "informative": Column(
            "tells the classes apart better than chance and than untrained units", "", 0, 1, kind="truth", order=160,
            shown=False,
        ),
    },
)  # fmt: skip
