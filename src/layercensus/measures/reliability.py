"""Is a unit's response a property of the example, or of the accident of how the example was shown?"""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings import RELIABILITY_GRID
from ..tally import Panel
from .bootstrap import reliability_resamples
from .by_units import by_units
from .chance import discoveries, views_p
from .column import Column
from .column import interval as interval_columns
from .dealt import Dealt
from .interval import bounds
from .measure import Evidence, Measure, Outcome
from .place import heavy

FEWEST = 8  # examples in a half below which nothing is said
HEAVY = 10  # kurtosis beyond which a few examples carry a unit
SPREAD = 2  # times as far from the estimate as they fall go the resamples of such units: chosen by measured coverage


def compute(evidence: Evidence) -> Outcome:
    """Reproducible fraction of variance between two perturbed views, ICC(1), on the half of the panel to choose by."""
    half = evidence.panel.half(0)
    if len(half) < FEWEST:
        return Outcome()
    live = evidence.units["live"]
    r, p = _judged(half.a_mean, half.b_mean, live, evidence)
    peak = by_units(icc, half.a_peak, half.b_peak)
    real = discoveries(p, evidence.settings.q)
    passed = live & real & (r >= evidence.settings.reliability)
    count = int(passed.sum())
    dealt, resampled = Dealt.of(half.group), _resampled(half, r, evidence)
    centre = int(((resampled.mean(0) >= evidence.settings.reliability) & live & real).sum())
    heavy = _heavy(half, live)
    if bool(heavy.any()) and not dealt.grouped:
        resampled = torch.where(heavy, r + SPREAD * (resampled - r), resampled)
    counts = ((resampled >= evidence.settings.reliability) & live & real).sum(1)
    if bool(heavy.any()) and not dealt.grouped:
        counts[1::2] = (2 * count - counts[1::2]).clamp(0, evidence.width)
    replicates = dealt.widened(counts, centre, evidence.width)
    curve = torch.stack([(live & real & (r >= threshold)).sum() for threshold in RELIABILITY_GRID])
    return Outcome(
        layer={"reliable": count, "reliable_ratio": count / evidence.width}
        | bounds("reliable", count, replicates, dealt, evidence.width),
        units={
            "reliability": r,
            "reliability_p": p,
            "reliability_peak": torch.where(live, peak, torch.nan),
            "real": real,
            "reliable": passed,
        },
        arrays={"reliable_curve": curve, "reliable_resamples": replicates},
    )


def _heavy(half: Panel, live: Tensor) -> Tensor:
    """Which units' variance a few examples carry, where a quarter of the live units or more are such: (units,) bool.

    A sample that lacks the rare large responses shows neither their part of the variance nor the doubt that they bring,
    so that such units' resamples lie too near to the estimate, and all to one side of it.
    """
    heavy = live & (by_units(_kurtosis, half.a_mean, half.b_mean) > HEAVY)
    return heavy if 0 < 4 * heavy.sum() >= live.sum() else torch.zeros_like(heavy)


@heavy
def _kurtosis(a: Tensor, b: Tensor) -> Tensor:
    """Fourth moment over the square of the second, of both views: 3 for a normal unit, nan for a still one."""
    x = torch.cat([a, b]).double()
    v = (x - x.mean(0)).square()
    return len(v) * v.square().sum(0) / v.sum(0).square()


def reliable_replicates(evidence: Evidence) -> Tensor:
    """Which units are reliable in each resample of the examples: (resamples, units) bool."""
    resampled = _resampled(evidence.panel.half(0), evidence.units["reliability"], evidence)
    return (resampled >= evidence.settings.reliability) & evidence.units["live"] & evidence.units["real"]


def _resampled(half: Panel, r: Tensor, evidence: Evidence) -> Tensor:
    """The reliability of each unit in each resample of the examples: (resamples, units)."""
    dealt, seed, resamples = Dealt.of(half.group), evidence.seed + 1, evidence.settings.resamples
    resampled = by_units(
        lambda a, b: reliability_resamples(a, b, dealt=dealt, seed=seed, resamples=resamples), half.a_mean, half.b_mean
    )
    return dealt.corrected(resampled, r)


def _judged(a: Tensor, b: Tensor, live: Tensor, evidence: Evidence) -> tuple[Tensor, Tensor]:
    r = torch.where(live, by_units(icc, a, b), torch.nan)
    judged = (live & ~r.isnan()).nonzero().flatten()
    p = torch.full_like(r, torch.nan)
    p[judged] = views_p(a, b, judged, q=evidence.settings.q, seed=evidence.seed)
    return r, p


@heavy
def icc(a: Tensor, b: Tensor) -> Tensor:
    """ICC(1) of each unit over examples seen in two views (Fisher's intraclass correlation; Shrout & Fleiss 1979).

    a, b: (examples, units). Returned (units,) float32 in [-1, 1]; nan where neither view varies.
    """
    a, b = a.double(), b.double()
    middle = (a.mean(0) + b.mean(0)) / 2
    a, b = a - middle, b - middle
    variance = (a.square().sum(0) + b.square().sum(0)) / 2
    return torch.where(variance > 0, (a * b).sum(0) / variance, torch.nan).float()


reliability = Measure(
    "reliability",
    compute,
    layer_columns={
        "reliable": Column(
            "live units that are not noise: at least half of their variance is reproduced in a second perturbed view, "
            "and more than by chance",
            "units", 0, source="Shrout & Fleiss 1979; docs/numbers.md", kind="count", order=80,
            resamples="reliable", excess=True, trend=("reliable", "raw"),
        ),
        "reliable_ratio": Column(
            "reliable / width; NOT a dimension: copies keep it", "", 0, 1, kind="fraction", order=100,
            compare=False, over_depth=False,
        ),
        **interval_columns("reliable", "units", 300),
    },
    unit_columns={
        "reliability": Column(
            "reproducible fraction of the variance of the spatial mean, ICC(1)", "", -1, 1, kind="fraction", order=40
        ),
        "reliability_p": Column(
            "permutation p of the reliability", "", 0, 1, kind="fraction", order=140, shown=False
        ),
        "reliability_peak": Column(
            "reliability of the spatial maximum", "", -1, 1, kind="fraction", order=130, shown=False
        ),
        "real": Column("reliability beyond chance (Benjamini-Hochberg)", "", 0, 1, kind="truth", table=False),
        "reliable": Column("live, above the threshold and beyond chance", "", 0, 1, kind="truth", table=False),
    },
)  # fmt: skip
