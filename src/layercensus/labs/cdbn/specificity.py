"""How specific single features are to a class: area under the precision-recall curve, and information in bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .nets import Stack

RESAMPLES = 400
BINS = 8  # equally filled, that a feature's responses are put in for the information
SHUFFLES = 20  # of the labels, whose mean information is what chance gives
PUBLISHED = {  # Lee et al. (2009): mean area under the precision-recall curve, layers 1 to 3
    "faces": (0.39, 0.86, 0.95), "motorbikes": (0.44, 0.69, 0.81), "cars": (0.43, 0.72, 0.87),
}  # fmt: skip


@dataclass(frozen=True)
class Specificity:
    """Of a layer's features for one class. area: mean over the features, 0..1; by chance the class's prevalence."""

    area: float
    low: float  # 95 % bootstrap interval over the test images, resampled within each class
    high: float
    features: list[float]  # the area of each
    rise: tuple[float, float] | None = None  # 95 % interval of how much more than the layer below has


@torch.no_grad()
def responses(stack: Stack, images: Tensor, batch: int = 100) -> list[NDArray[np.float64]]:
    """Each layer's features: the highest probability of a pooling unit anywhere in the map, (images, units)."""
    maxima: list[list[Tensor]] = [[] for _ in stack.forms]
    for part in images.split(batch):  # type: ignore[no-untyped-call]
        for number, maps in enumerate(stack.activations(part)):
            maxima[number].append(maps.amax((2, 3)).double().cpu())
    return [torch.cat(parts).numpy() for parts in maxima]


def specificity(
    layers: Sequence[NDArray[np.float64]], of_class: NDArray[np.bool_], strata: NDArray[np.int_], seed: int
) -> list[Specificity]:
    """How specific the features of each layer are to one class.

    layers: (images, units) each. of_class: (images,). strata: (images,) every image's class.
    """
    rng = np.random.default_rng(seed)
    counts = np.stack([_resampled(strata, rng) for _ in range(RESAMPLES)])
    results: list[Specificity] = []
    below: NDArray[np.float64] | None = None
    for responded in layers:
        areas = np.array([area(unit, of_class, np.ones((1, len(unit))))[0] for unit in responded.T])
        replicates = np.mean([area(unit, of_class, counts) for unit in responded.T], 0)
        replicates += (
            areas.mean() - replicates.mean()
        )  # an area is a little too high in resamples, which hold images twice
        low, high = _interval(replicates)
        rise = None if below is None else _interval(replicates - below)
        results.append(Specificity(float(areas.mean()), low, high, areas.tolist(), rise))
        below = replicates
    return results


def _interval(replicates: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(replicates, (0.025, 0.975))
    return float(low), float(high)


def area(
    responded: NDArray[np.float64], of_class: NDArray[np.bool_], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Area under the precision-recall curve (average precision) of one feature in each of several resamples.

    responded: (images,). counts: (resamples, images), how often each is in it. Equal responses are one threshold.
    """
    order = np.argsort(-responded, kind="stable")
    weights, positives = counts[:, order], counts[:, order] * of_class[order]
    last = np.append(np.flatnonzero(np.diff(responded[order])), len(order) - 1)
    called, hits = weights.cumsum(1)[:, last], positives.cumsum(1)[:, last]
    gained = np.diff(hits, axis=1, prepend=0.0)
    precision = hits / np.maximum(called, 1e-12)
    total: NDArray[np.float64] = (gained * precision).sum(1) / np.maximum(hits[:, -1], 1e-12)
    return total


def _resampled(strata: NDArray[np.int_], rng: np.random.Generator) -> NDArray[np.float64]:
    counts = np.zeros(len(strata))
    for number in np.unique(strata):
        rows = np.flatnonzero(strata == number)
        counts[rows] = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
    return counts


@dataclass(frozen=True)
class Information:
    """Mean over a layer's features, bits. chance: the same where the labels are shuffled."""

    mutual: float  # between a feature's response and the class
    conditional: float  # entropy of the class that is left when the response is known
    chance: float  # mutual information with shuffled labels
    entropy: float  # of the class


def information(responded: NDArray[np.float64], labels: NDArray[np.int_], seed: int) -> Information:
    """What the features of a layer tell about the class, each alone. responded: (images, units), labels: (images,)."""
    rng = np.random.default_rng(seed)
    binned = [_binned(unit) for unit in responded.T]
    mutual = float(np.mean([_mutual(unit, labels) for unit in binned]))
    chance = float(np.mean([
        _mutual(unit, mixed) for mixed in (rng.permutation(labels) for _ in range(SHUFFLES)) for unit in binned
    ]))  # fmt: skip
    entropy = _entropy(np.bincount(labels))
    return Information(mutual, entropy - mutual, chance, entropy)


def _binned(responded: NDArray[np.float64]) -> NDArray[np.int_]:
    edges = np.unique(np.quantile(responded, np.linspace(0, 1, BINS + 1)[1:-1]))
    binned: NDArray[np.int_] = np.searchsorted(edges, responded, side="right")
    return binned


def _mutual(binned: NDArray[np.int_], labels: NDArray[np.int_]) -> float:
    joint = np.zeros((binned.max() + 1, labels.max() + 1))
    np.add.at(joint, (binned, labels), 1)
    return _entropy(joint.sum(0)) + _entropy(joint.sum(1)) - _entropy(joint.ravel())


def _entropy(counts: NDArray[np.float64] | NDArray[np.int_]) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())
