"""What concepts give by chance: the best unit, and a given score, when examples have another one's concepts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..tally.groups import alone, numbered
from .auc import aucs, own_aucs

PERMUTATIONS = 199
LEVEL = 0.99  # quantile of the best unit under permuted concepts
NUMBERS = 2**24  # held at once
SIZES = 48  # numbers of examples with a concept at which chance is drawn; between them it is interpolated


@dataclass(frozen=True)
class Chance:
    """The AUC of a score under permuted concepts: (concepts,) each."""

    mean: Tensor
    deviation: Tensor


def best_by_chance(ranks: Tensor, has: Tensor, group: Tensor, seed: int) -> Tensor:
    """(concepts,): the AUC, in either direction, that the best of all units exceeds in one of a hundred permutations.

    ranks: (rows, units) centred ranks; has: (rows, concepts); group: (rows,), equal where rows share a source. Where
    every row is alone, what chance gives depends on how many rows have the concept alone. Else concepts change places
    between sources, or within them where a source has rows with and rows without.
    """
    generator = torch.Generator().manual_seed(seed)
    if not alone(group):
        drawn = [_best(ranks, other) for other in shuffled(has, group, generator)]
        return _quantile(torch.stack(drawn))
    size = has.sum(0)
    sizes = _some(size.unique())  # type: ignore[no-untyped-call]
    return _between(size, sizes, _quantile(torch.cat(list(_of_sizes(ranks, sizes, generator)))))


def _of_sizes(ranks: Tensor, sizes: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
    """The best unit for random sets of so many rows, some permutations at a time: (some, sizes)."""
    n, units = ranks.shape
    step = max(1, NUMBERS // (len(sizes) * max(n, units)))
    for start in range(0, PERMUTATIONS, step):
        some = min(step, PERMUTATIONS - start)
        place = torch.rand(some, n, generator=generator, dtype=torch.float64).argsort(1)  # of each row
        chosen = (place.T[:, :, None] < sizes).flatten(1).float()
        yield _best(ranks, chosen).view(some, len(sizes))


def _best(ranks: Tensor, has: Tensor) -> Tensor:
    return 0.5 + (aucs(ranks, has) - 0.5).abs().amax(1)


def _quantile(drawn: Tensor) -> Tensor:
    """(columns,) of (permutations, columns): the value that one in a hundred more permutations would exceed."""
    place = math.ceil(LEVEL * (len(drawn) + 1))
    return drawn.kthvalue(min(place, len(drawn)), 0).values


def _some(sizes: Tensor) -> Tensor:
    if len(sizes) <= SIZES:
        return sizes
    return sizes[torch.linspace(0, len(sizes) - 1, SIZES).round().long()]


def _between(size: Tensor, sizes: Tensor, value: Tensor) -> Tensor:
    """The values at `sizes` interpolated at each `size`."""
    if len(sizes) == 1:
        return value.expand(len(size)).clone()
    right = torch.searchsorted(sizes, size).clamp(1, len(sizes) - 1)
    fraction = (size - sizes[right - 1]) / (sizes[right] - sizes[right - 1])
    return value[right - 1] + fraction * (value[right] - value[right - 1])


def chance_of(ranks: Tensor, has: Tensor, group: Tensor, seed: int) -> Chance:
    """Mean and deviation of each concept's AUC with its own score, (rows, concepts), under permuted concepts.

    Exact where every row is alone (the variance of a sum of draws without replacement), else over permutations.
    """
    if alone(group):
        n, size = len(ranks), has.sum(0)
        pairs = (size * (n - size)).clamp(min=1)
        return Chance(
            torch.full_like(size, 0.5), (ranks.square().sum(0) / (n * max(n - 1, 1)) / pairs).sqrt()
        )  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.stack([own_aucs(ranks, other) for other in shuffled(has, group, generator)])
    return Chance(drawn.mean(0), drawn.std(0))


def shuffled(has: Tensor, group: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
    """PERMUTATIONS times (rows, concepts): concepts that are one and the same all over each source change between them.

    Others change places within each source, so that what its rows have in common is in the permuted concepts too.
    """
    number = numbered(group)
    of_group = torch.zeros(int(number.max()) + 1, has.shape[1]).index_copy_(0, number, has)
    whole = (of_group[number] == has).all(0)
    place = number.argsort(stable=True)
    for _ in range(PERMUTATIONS):
        other = of_group[torch.randperm(len(of_group), generator=generator)][number]
        if not bool(whole.all()):
            order = (number + torch.rand(len(has), generator=generator, dtype=torch.float64)).argsort()
            within = torch.empty_like(has).index_copy_(0, place, has[order])
            other = torch.where(whole, other, within)
        yield other
