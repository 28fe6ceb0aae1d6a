"""How many units are distinct when reliability is that in other views, or that of maps; what a unit says stays."""

from __future__ import annotations

import numpy as np
import torch

from .column import Column
from .correlation import flat_clusters, linkage_of, similarity_of
from .measure import Evidence, Measure, Outcome
from .rarefaction import presence
from .relations import related
from .reliability import FEWEST
from .similar_pairs import too_wide


def compute(evidence: Evidence) -> Outcome:
    """Distinct units, and rarefied ones, in each of the other views: arrays `distinct_shown`, `rarefied_shown`."""
    half, settings = evidence.panel.half(1), evidence.settings
    if evidence.shown is None or "distinct" not in evidence.layer or len(half) < FEWEST:
        return Outcome()
    keep = evidence.units["live"] & (evidence.shown >= settings.reliability)  # (views, units)
    some = keep.any(0).nonzero().flatten()
    if too_wide(len(some), settings.memory):
        return Outcome()
    _, c, _ = related(half.spots, half.peak, some, half.group, settings.sign_blind)
    similarity = similarity_of(c, settings.sign_blind)
    chance = presence(evidence.width, min(evidence.rarefy_to, evidence.width))
    found = np.zeros((2, len(keep)))
    for row, kept in enumerate(keep[:, some].numpy()):
        units = int(kept.sum())
        merges = linkage_of(similarity[np.ix_(kept, kept)])
        sizes = np.bincount(flat_clusters(merges, units, settings.tau)) if units else np.zeros(0, dtype=np.int64)
        found[:, row] = len(sizes), chance[sizes].sum()
    return Outcome(
        layer={"distinct_least": int(found[0].min()), "distinct_most": int(found[0].max())},
        units={"reliability_map": torch.where(evidence.units["live"], evidence.shown[-1], torch.nan)},
        arrays={"distinct_shown": torch.from_numpy(found[0]), "rarefied_shown": torch.from_numpy(found[1])},
    )


def _column(which: str, order: int) -> Column:
    return Column(
        f"{which} distinct units in other views: strengths .25 to 2, where at 1 the input's own reliability is .8, and "
        "each kind of perturbation alone, and by maps in place of their means, on a few examples",
        "concepts", 0, source="docs/numbers.md", kind="count", order=order, compare=False, over_depth=False,
        shown=False,
    )  # fmt: skip


in_other_views = Measure(
    "in_other_views",
    compute,
    layer_columns={"distinct_least": _column("fewest", 93), "distinct_most": _column("most", 94)},
    unit_columns={
        "reliability_map": Column(
            "reproducible fraction of the variance over positions and examples, ICC(1), on a few examples: high where "
            "the map is the same in both views, also if its mean is not",
            "", -1, 1, kind="fraction", order=132, shown=False,
        )
    },
)  # fmt: skip
