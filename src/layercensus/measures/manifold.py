"""The nonlinear dimension of a layer: of the surface on which its responses lie, however that is bent."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ..tally.groups import alone, numbered
from .column import Column
from .column import interval as interval_columns
from .dealt import for_few
from .interval import interval
from .measure import Evidence, Measure, Outcome
from .neighbours import SCALES, distances, distances_of, mle, scales, slope, twonn, weighted_slope
from .scatter import near_copies, scale_ratio, tied

FEWEST = 50  # examples that differ, below which nothing is said
LEVEL = 0.15  # how much two neighbouring scales may differ to be a plateau
SIZES = (1.0, 0.5, 0.25)  # fractions of the examples at which the estimate is taken again
DIGITS = 2  # the nets' own rounding, which differs with the batch size, reaches the fifth
REPEATED = 0.5  # fraction of repeated examples beyond which a layer is discrete


def compute(evidence: Evidence) -> Outcome:
    """TwoNN, MLE and Gride between examples, on the whole feature map where there is one and on the spatial means."""
    if not evidence.settings.dimension:
        return Outcome()
    pooled, live = evidence.panel.mean, evidence.units["live"]
    pooled = pooled if bool(live.all()) else pooled[:, live]
    sketch = evidence.panel.sketch
    mapped = sketch.shape[1] > 0 and not bool(sketch.isnan().any())
    r, rows = distances_of(sketch if mapped else pooled)
    repeated = len(pooled) - len(rows)
    if not _applies(r, repeated):
        return Outcome(layer={"repeated": repeated})
    estimate, low, high = with_interval(r, evidence.settings.resamples, evidence.seed, evidence.panel.group[rows])
    curve = scales(r)
    row: dict[str, float] = {
        "twonn": estimate, "twonn_low": low, "twonn_high": high, "mle": mle(r), "repeated": repeated,
        "dimension_ceiling": ceiling(len(r)), "scale_ratio": scale_ratio(curve), "tied_distances": tied(r),
        "near_copies": near_copies(r, max(estimate, mle(r), *curve.values())),
    }  # fmt: skip
    at = plateau(curve)
    if at is not None:
        row |= {"gride": curve[at], "gride_neighbours": at}
    if mapped:
        means, repeats = distances(pooled, 2)
        if _applies(means, repeats):
            row["twonn_pooled"] = float(twonn(means))
    row = {name: round(value, DIGITS) for name, value in row.items() if not math.isnan(value)}
    local = (r[:, 19:20] / r[:, :19]).log().mean(1) if r.shape[1] >= 20 else torch.zeros(0)
    return Outcome(
        layer=row,
        arrays={
            "gride_curve": torch.tensor([curve.get(n1, math.nan) for n1 in SCALES]),
            "twonn_by_examples": _by_examples(sketch if mapped else pooled, r),
            "local_dimension": 1 / local.clamp(min=1e-12),
        },
    )


def _applies(r: Tensor, repeated: int) -> bool:
    """Whether there are enough examples that differ, and their distances too."""
    if len(r) < FEWEST or r.shape[1] < 2 or repeated > REPEATED * (len(r) + repeated):
        return False
    return bool((r[:, 1] > r[:, 0]).double().mean() > REPEATED)


def with_interval(r: Tensor, resamples: int, seed: int, group: Tensor | None = None) -> tuple[float, float, float]:
    """TwoNN with its 95 % interval from resampled examples; neighbours are those of the whole sample.

    Two examples that are each other's nearest share that distance and so are drawn together: drawn one by one, the
    interval holds the expected estimate in 86 % of samples, drawn so in 91 to 97 % (`benchmarks/dimension.py
    --interval`). group: (examples,) int64; those that share one are drawn together too. One group has no interval: nan.
    """
    log_mu = (r[:, 1] / r[:, 0]).log()
    pair, grouped = _pairs(r[:, 0]), group is not None and not alone(group)
    pair = _together(pair, group) if group is not None and grouped else pair
    first, inverse = np.unique(pair.numpy(), return_index=True, return_inverse=True)[1:]
    # One draw for each example, by its place: where rounding makes or unmakes one pair, the others keep theirs.
    drawn = np.random.default_rng([seed, len(r)]).poisson(1.0, (resamples, len(r)))[:, first[inverse.ravel()]]
    pairs = len(first)
    estimate = float(slope(log_mu))
    replicates = weighted_slope(log_mu, torch.from_numpy(drawn).double())
    if grouped and pairs == 1:
        return estimate, math.nan, math.nan
    away = (replicates - replicates.mean()) * (for_few(pairs) if grouped else 1.0)
    return (estimate, *interval(estimate, (away + estimate).numpy()))


def _pairs(nearest: Tensor) -> Tensor:
    """Number of the pair of each example, by its nearest distance; what more than two share is no pair: (examples,)."""
    _, pair, size = torch.unique(nearest, return_inverse=True, return_counts=True)
    unpaired = size[pair] != 2
    apart = torch.where(unpaired, len(size) + torch.arange(len(pair)), pair)
    number: Tensor = torch.unique(apart, return_inverse=True)[1]
    return number


def _together(pair: Tensor, group: Tensor) -> Tensor:
    """(examples,) int64: one number for all examples that pairs and groups tie to each other."""
    number = numbered(group).numpy() + int(pair.max()) + 1
    nodes = int(number.max()) + 1
    graph = coo_array((np.ones(len(number), dtype=np.int8), (pair.numpy(), number)), shape=(nodes, nodes))
    tied = connected_components(graph, directed=False)[1][pair.numpy()]
    return torch.from_numpy(np.unique(tied, return_inverse=True)[1].astype(np.int64))


def ceiling(examples: int) -> float:
    """The largest estimate that is within a fifth of the truth on cubes, by `benchmarks/dimension.py --ceiling`.

    With n examples the neighbours of a many-dimensional set are not near, and all these estimators read low.
    """
    return 2.0 + 3.3 * math.log10(examples)


def plateau(curve: dict[int, float]) -> int | None:
    """The scale (neighbours n1) where Gride changes least to the next one; None when it nowhere rests.

    Noise makes small scales read too high, curvature and edges make large ones read too low; between them the
    dimension of the surface, if it has one, shows as a plateau.
    """
    neighbours = sorted(curve)
    change = {b: abs(math.log(curve[b] / curve[a])) for a, b in pairwise(neighbours)}
    if not change:
        return None
    best = min(change, key=lambda n1: (change[n1], -n1))
    return best if change[best] <= LEVEL else None


def _by_examples(x: Tensor, r: Tensor) -> Tensor:
    """TwoNN on the first 1, 1/2 and 1/4 of the examples, whose order is random: (sizes,) float64."""
    estimates = [float(twonn(r))]
    for fraction in SIZES[1:]:
        fewer, repeated = distances(x[: max(int(len(x) * fraction), 3)], 2)
        estimates.append(float(twonn(fewer)) if _applies(fewer, repeated) else math.nan)
    return torch.tensor(estimates, dtype=torch.float64)


def _dimension(meaning: str, order: int, source: str = "", over_depth: bool = True, shown: bool = False) -> Column:
    return Column(
        meaning, "dimensions", 0, source=source, scale_free=False, kind="dimension", order=order, compare=False,
        over_depth=over_depth, shown=shown,
    )  # fmt: skip


nonlinear = Measure(
    "manifold",
    compute,
    layer_columns={
        "twonn": replace(
            _dimension(
                "nonlinear dimension from the two nearest neighbours of each example, on the whole feature map where "
                "there is one, else on the units' responses",
                240, "Facco et al. 2017", over_depth=False, shown=True,
            ),
            beside_twin=True, legend="nonlinear (TwoNN)",
        ),
        **interval_columns("twonn", "dimensions", 360, kind="dimension", scale_free=False),
        "mle": _dimension(
            "nonlinear dimension from 20 neighbours", 250, "Levina & Bickel 2004; MacKay & Ghahramani 2005"
        ),
        "gride": _dimension(
            "nonlinear dimension at the scale where it depends least on the scale; missing where there is no plateau",
            370, "Denti et al. 2022", shown=True,
        ),
        "gride_neighbours": Column(
            "the scale of gride, in neighbours", "neighbours", 1, 64, scale_free=False, integer=True, order=380,
            compare=False, over_depth=False, shown=False,
        ),
        "twonn_pooled": _dimension("twonn of the units' spatial means", 390),
        "dimension_ceiling": Column(
            "estimates above it are lower bounds, for want of examples", "dimensions", 0, kind="dimension", order=400,
            compare=False, over_depth=False, shown=False,
        ),
        "scale_ratio": Column(
            "largest over smallest estimate of gride at scales of 1 to 16 neighbours", "", 1, scale_free=False,
            order=402, compare=False, over_depth=False, shown=False,
        ),
        "near_copies": Column(
            "fraction of examples with a gap in their neighbours' distances beyond what a surface leaves: near-copies",
            "", 0, 1, scale_free=False, kind="fraction", order=404, compare=False, over_depth=False, shown=False,
            rare=True,
        ),
        "tied_distances": Column(
            "fraction of the distances to near examples that repeat others, beyond those that two examples share", "",
            0, 1, scale_free=False, kind="fraction", order=406, compare=False, over_depth=False, shown=False, rare=True,
        ),
        "repeated": Column(
            "examples left out since they repeat another", "examples", 0, kind="count", order=410,
            compare=False, over_depth=False, shown=False, rare=True,
        ),
    },
)  # fmt: skip
