"""How many different things do the reliable units say?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..settings import RELIABILITY_GRID
from ..tally import Panel
from .bootstrap import Resamples, distinct_resamples
from .column import Column
from .column import interval as interval_columns
from .correlation import cluster_sizes, flat_clusters, linkage_of, similarity_of
from .dealt import Dealt
from .interval import bounds
from .measure import Evidence, Measure, Outcome
from .rarefaction import coverage, presence, rarefied
from .relation import RELATIONS, clusters_of_means, relation_of, representatives, shifted
from .relations import Relations, related
from .reliability import FEWEST, reliable_replicates
from .similar_pairs import too_wide
from .threshold_grid import Grid, Sizes, threshold_grid
from .wide import WideLayer, followed

POINTS = 24  # of the rarefaction curve


def compute(evidence: Evidence) -> Outcome:
    """Complete-linkage clusters of the reliable units at abs(correlation) >= tau, on the held-out half of the panel."""
    half = evidence.panel.half(1)
    if "reliable" not in evidence.units or len(half) < FEWEST:
        return Outcome()
    passed, r, real = (evidence.units[k] for k in ("reliable", "reliability", "real"))
    wide = (
        (evidence.units["live"] & real & (r >= min(RELIABILITY_GRID[0], evidence.settings.reliability)))
        .nonzero()
        .flatten()
    )
    if too_wide(len(wide), evidence.settings.memory):
        return _of_wide(evidence, half, wide)
    blind = evidence.settings.sign_blind
    relations, c, kind = related(half.spots, half.peak, wide, half.group, blind)
    similarity = similarity_of(c, blind)
    chosen = passed[wide].nonzero().flatten().numpy()
    cluster = _clusters(similarity, chosen, evidence)
    sizes = np.bincount(cluster) if len(cluster) else np.zeros(0, dtype=np.int64)
    replicates = _widened(_resampled(evidence, wide, relations, similarity, kind), evidence, half, sizes)
    unit_cluster = torch.full((evidence.width,), -1)
    unit_cluster[wide[chosen]] = torch.from_numpy(cluster)
    by_means, units = _compared(evidence, half, relations, unit_cluster)
    return Outcome(
        layer=_layer(evidence, sizes, replicates) | by_means,
        units=units,
        arrays=_arrays(evidence, _grid(similarity, r[wide].numpy(), evidence), sizes, replicates),
    )


def _of_wide(evidence: Evidence, half: Panel, wide: Tensor) -> Outcome:
    """The same from the pairs that are alike; no count where even these are beyond the budget."""
    layer = WideLayer.of(half, wide, evidence.settings)
    if layer is None:
        most, gigabytes = followed(half, len(wide), evidence.settings), evidence.settings.memory
        return Outcome(
            notes=(f"duplicates not counted: over {most:,} pairs of units are alike (memory={gigabytes:g})",)
        )
    r, chosen = evidence.units["reliability"], evidence.units["reliable"][wide].numpy()
    cluster = layer.clusters(chosen)
    sizes = np.bincount(cluster) if len(cluster) else np.zeros(0, dtype=np.int64)
    chance = presence(evidence.width, min(evidence.rarefy_to, evidence.width))
    replicates = layer.resamples(reliable_replicates(evidence)[:, wide], chance, evidence.seed + 2)
    replicates = _widened(replicates, evidence, half, sizes)
    unit_cluster = torch.full((evidence.width,), -1)
    unit_cluster[wide[torch.from_numpy(chosen)]] = torch.from_numpy(cluster)
    grid = layer.grid(r[wide].numpy(), chance)
    by_means, units = _compared(evidence, half, layer.relations, unit_cluster)
    return Outcome(
        layer=_layer(evidence, sizes, replicates) | by_means,
        units=units,
        arrays=_arrays(evidence, grid, sizes, replicates),
        notes=() if grid is not None else ("counts at lower thresholds left out: too many pairs are alike there",),
    )


def _clusters(similarity: NDArray[np.float64], chosen: NDArray[np.int64], evidence: Evidence) -> NDArray[np.int64]:
    return flat_clusters(linkage_of(similarity[np.ix_(chosen, chosen)]), len(chosen), evidence.settings.tau)


def _compared(
    evidence: Evidence, half: Panel, relations: Relations, cluster: Tensor
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """The count by spatial means, and for each unit its cluster and what it has in common with which other unit."""
    r = evidence.units["reliability"]
    representative = representatives(cluster, r)
    relation = relation_of(relations, representative, evidence.settings.tau)
    units = {"cluster": cluster, "representative": representative, "relation": relation}
    if half.spots.shape[1] == 1 and torch.equal(half.spots[:, 0], half.mean):  # no maps: the same once more
        means: NDArray[np.int64] | None = cluster.numpy()
    else:
        means = clusters_of_means(half.mean, evidence.units["reliable"], evidence.settings)
    if means is None:
        return {}, units | {"shift_of": torch.full_like(cluster, -1)}
    units["shift_of"] = shifted(cluster, representative, means, r)
    units["relation"] = torch.where(units["shift_of"] >= 0, RELATIONS.index("shifted"), relation)
    return {"distinct_pooled": int(means.max(initial=-1)) + 1}, units


def _widened(replicates: Resamples, evidence: Evidence, half: Panel, sizes: NDArray[np.int64]) -> Resamples:
    """The resamples as far apart as few groups of examples ask for."""
    dealt, draw = Dealt.of(half.group), min(evidence.rarefy_to, evidence.width)
    return replace(
        replicates,
        distinct=dealt.widened(torch.from_numpy(replicates.distinct), len(sizes), evidence.width).numpy(),
        rarefied=dealt.widened(
            torch.from_numpy(replicates.rarefied), rarefied(sizes, evidence.width, draw), draw
        ).numpy(),
    )


def _layer(evidence: Evidence, sizes: NDArray[np.int64], replicates: Resamples) -> dict[str, float]:
    dealt, both = Dealt.of(evidence.panel.half(1).group), [replicates.distinct]
    both += [replicates.mirrored(sizes)] if replicates.attenuated else []
    ends = [bounds("distinct", len(sizes), torch.from_numpy(each), dealt, evidence.width) for each in both]
    row: dict[str, float] = {
        "distinct": len(sizes),
        "distinct_low": min(each["distinct_low"] for each in ends),
        "distinct_high": max(each["distinct_high"] for each in ends),
        "distinct_per_unit": len(sizes) / evidence.width,
    }
    covered = coverage(sizes)
    if covered is not None:
        row["coverage"] = covered
    if evidence.width >= evidence.rarefy_to or evidence.of_trend:
        row["distinct_rarefied"] = rarefied(sizes, evidence.width, evidence.rarefy_to)
    return row


def _resampled(
    evidence: Evidence, wide: Tensor, relations: Relations, similarity: NDArray[np.float64], kind: Tensor
) -> Resamples:
    settings = evidence.settings
    return distinct_resamples(
        reliable_replicates(evidence)[:, wide],
        relations,
        torch.from_numpy(similarity).float(),
        kind,
        tau=settings.tau,
        sign_blind=settings.sign_blind,
        presence=presence(evidence.width, min(evidence.rarefy_to, evidence.width)),
        seed=evidence.seed + 2,
    )


def _arrays(
    evidence: Evidence,
    grid: Grid | None,
    sizes: NDArray[np.int64],
    replicates: Resamples,
) -> dict[str, Tensor]:
    draws = np.unique(np.geomspace(1, evidence.width, POINTS).round().astype(np.int64))
    expected = [rarefied(sizes, evidence.width, int(m)) for m in draws]
    grids = (
        {} if grid is None else dict(zip(("distinct_grid", "rarefied_grid"), map(torch.from_numpy, grid), strict=True))
    )
    return grids | {
        "cluster_sizes": torch.from_numpy(np.sort(sizes)[::-1].copy()),
        "rarefaction_draws": torch.from_numpy(draws),
        "rarefaction": torch.tensor(expected, dtype=torch.float64),
        "distinct_resamples": torch.from_numpy(replicates.distinct),
        "rarefied_resamples": torch.from_numpy(replicates.rarefied),
    }


def _grid(similarity: NDArray[np.float64], r: NDArray[np.float64], evidence: Evidence) -> Grid:
    def clusters(keep: NDArray[np.bool_]) -> Sizes:
        merges, kept = linkage_of(similarity[np.ix_(keep, keep)]), int(keep.sum())
        return lambda tau: cluster_sizes(merges, kept, tau)

    return threshold_grid(r, presence(evidence.width, min(evidence.rarefy_to, evidence.width)), clusters)


distinct = Measure(
    "distinct",
    compute,
    layer_columns={
        "distinct": Column(
            "clusters of reliable units that say the same: complete linkage at abs(correlation) >= tau on held-out "
            "examples, of the responses, of their ranks, or of what lies behind units that are cut off or switched",
            "concepts", 0, source="docs/numbers.md", kind="count", order=90,
            resamples="distinct", excess=True, beside_twin=True, trend=("distinct", "raw"), terminal="distinct",
        ),
        **interval_columns("distinct", "concepts", 91),
        "distinct_per_unit": Column(
            "distinct / width", "", 0, 1, kind="fraction", order=110, compare=False, over_depth=False, shown=False
        ),
        "coverage": Column(
            "fraction of such units whose concept was met, from the concepts of one unit and of two; below .5 distinct "
            "is bound by the width",
            "", 0, 1, source="Good 1953; Chao & Jost 2012", kind="fraction", order=115, compare=False, over_depth=False,
            shown=False,
        ),
        "distinct_rarefied": Column(
            "expected distinct concepts in a random draw of as many units as the narrowest layer of the trend has",
            "concepts", 0, source="Hurlbert 1971", order=120, over_depth=False,
            resamples="rarefied", excess=True, beside_twin=True, trend=("distinct", "rarefied"),
        ),
        "distinct_pooled": Column(
            "distinct when units are compared by their spatial means", "concepts", 0, kind="count", order=130,
            compare=False, over_depth=False, shown=False,
        ),
    },
    unit_columns={
        "cluster": Column(
            "number of the unit's cluster, -1 where it is in none", "", -1, kind="index", table=False,
            with_units="groups",
        ),
        "representative": Column(
            "the unit that stands for its cluster", "", -1, kind="index", order=30, with_units="names"
        ),
        "relation": Column(
            "how a unit goes with its representative: same (a multiple, or at work in the same examples), negated, "
            "monotone (in ranks only); shifted: a distinct unit whose spatial means repeat those of shift_of",
            kind="choice", choices=RELATIONS, order=32, rare=True, shown=False,
        ),
        "shift_of": Column(
            "the unit whose spatial means a distinct unit repeats at other positions", "", -1, kind="index", order=34,
            with_units="names", rare=True, shown=False,
        ),
    },
)  # fmt: skip
