"""Does a unit tell the classes apart?"""

from __future__ import annotations

import torch
from scipy.stats import beta
from torch import Tensor

from .chance import benjamini_hochberg, heard
from .column import Column
from .column import interval as interval_columns
from .interval import bounds, draw, recentred
from .measure import Evidence, Measure, Outcome
from .reliability import FEWEST, reliable_again

PERMUTATIONS = 999
TWIN_QUANTILE = 0.95
TURNS = 27  # permutations at a time
FEW_CLASSES = 40


def compute(evidence: Evidence) -> Outcome:
    """eta^2 of the spatial mean over classes, against permuted labels and against the untrained twin's best units."""
    known = evidence.panel.label >= 0
    if evidence.classes < 2 or int(known.sum()) < FEWEST:
        return Outcome()
    x, live = evidence.panel.mean[known], evidence.units["live"]
    met, label = evidence.panel.label[known].unique(return_inverse=True)  # type: ignore[no-untyped-call]
    if len(met) < 2:
        return Outcome()
    eta2 = torch.where(live, explained(x, label, len(met)), torch.nan)
    p = torch.where(live, permutation_p(x, label, len(met), evidence.seed), torch.nan)
    p = heard(p, evidence.settings.q, lambda few, n: permutation_p(x[:, few], label, len(met), evidence.seed, n))
    found = benjamini_hochberg(p, evidence.settings.q)
    rarest = float(p[found].max()) if bool(found.any()) else evidence.settings.q / max(int((~p.isnan()).sum()), 1)
    cut = float(beta.isf(rarest, (len(met) - 1) / 2, (len(x) - len(met)) / 2))  # as permuted labels, closely
    untrained = eta2 if evidence.is_twin else evidence.twin_eta2
    if untrained is not None:
        others = untrained[~untrained.isnan()]
        best = float(others.quantile(TWIN_QUANTILE)) if len(others) else 0.0
        found, cut = found & (eta2 > best), max(cut, best)
    if "reliable" not in evidence.units:
        return Outcome(units={"eta2": eta2, "eta2_p": p, "informative": found})
    count = int((found & evidence.units["reliable"]).sum())
    draws = draw(len(x), evidence.settings.resamples, evidence.seed + 3)
    again = recentred(explained_again(x, label, len(met), draws), eta2) >= cut
    counts = (again & reliable_again(evidence)).sum(1)
    return Outcome(
        layer={"informative": count} | bounds("informative", count, counts),
        units={"eta2": eta2, "eta2_p": p, "informative": found},
        arrays={"informative_resamples": counts},
    )


def explained(x: Tensor, label: Tensor, classes: int) -> Tensor:
    """eta^2 = between-class / total sum of squares of each unit, (units,) float32; nan for a unit that does not vary.

    x: (examples, units); label: (examples,) int64 in 0..classes-1.
    """
    centred = x.double() - x.double().mean(0)
    total = centred.square().sum(0)
    between = _between(centred.float(), label[None], classes)[0]
    return torch.where(total > 0, between / total.clamp(min=1e-300), torch.nan).float().clamp(max=1)


def explained_again(x: Tensor, label: Tensor, classes: int, draws: Tensor) -> Tensor:
    """The same for every resample: draws (resamples, examples) -> (resamples, units)."""
    x = (x.double() - x.double().mean(0)).float()
    n = draws.sum(1, keepdim=True)
    middle = (draws @ x).square() / n
    total, between = draws @ x.square() - middle, -middle
    for one in range(classes):
        mine = label == one
        size = draws[:, mine].sum(1, keepdim=True)
        between = between + (draws[:, mine] @ x[mine]).square() / size.clamp(min=1)
    return torch.where(total > 0, between / total.clamp(min=1e-30), torch.nan)


def permutation_p(x: Tensor, label: Tensor, classes: int, seed: int, permutations: int = PERMUTATIONS) -> Tensor:
    """(1 + permutations of the labels with at least this eta^2) / (1 + permutations), for each unit."""
    centred = (x.double() - x.double().mean(0)).float()
    observed = _between(centred, label[None], classes)[0] * (1 - 1e-5)
    generator = torch.Generator().manual_seed(seed)
    better = torch.zeros(x.shape[1])
    for start in range(0, permutations, TURNS):
        turns = min(TURNS, permutations - start)
        shuffled = torch.stack([label[torch.randperm(len(label), generator=generator)] for _ in range(turns)])
        better += (_between(centred, shuffled, classes) >= observed).sum(0)
    return (1 + better) / (1 + permutations)


def _between(centred: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Sum of squares between classes for each labelling: labels (turns, examples) -> (turns, units)."""
    turns, n = labels.shape
    slot = (labels + classes * torch.arange(turns)[:, None]).flatten()
    size = torch.bincount(slot, minlength=turns * classes).view(turns, classes, 1).clamp(min=1)
    if classes <= FEW_CLASSES and centred.shape[1] > FEW_CLASSES:  # then one product is faster than adding rows
        chosen = torch.zeros(turns * classes, n)
        chosen[slot, torch.arange(n).repeat(turns)] = 1.0
        sums = chosen @ centred
    else:
        sums = torch.zeros(turns * classes, centred.shape[1]).index_add_(0, slot, centred.repeat(turns, 1))
    sums = sums.view(turns, classes, -1)
    return (sums.square() / size).sum(1)


informative = Measure(
    "informative",
    compute,
    layer_columns={
        "informative": Column(
            "reliable units whose eta^2 beats permuted labels (Benjamini-Hochberg) and, with a twin, the 95 % quantile "
            "of the untrained units",
            "units", 0, source="docs/numbers.md", kind="count", order=150,
            resamples="informative", excess=True, trend=("informative", "raw"),
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
