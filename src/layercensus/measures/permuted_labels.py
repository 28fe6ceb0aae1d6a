"""Labels in random order: what class information chance alone gives, whether examples stand alone or in groups."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..tally.groups import alone, numbered


def permuted_labels(label: Tensor, group: Tensor) -> Callable[[torch.Generator], Tensor]:
    """A function that draws a permutation of the labels: (examples,) int64.

    Where every example is alone, of all examples. Where the labels of each group are one and the same, of the groups:
    ten photographs are ten labels, however many crops. Where a group holds several labels, within each group, so that
    what groups have in common is in the permuted labels too.
    """
    number = numbered(group)
    if alone(group):
        return lambda generator: label[torch.randperm(len(label), generator=generator)]
    of_group = torch.zeros(int(number.max()) + 1, dtype=label.dtype).index_copy_(0, number, label)
    if torch.equal(of_group[number], label):
        return lambda generator: of_group[torch.randperm(len(of_group), generator=generator)][number]
    place = number.argsort(stable=True)

    def within(generator: torch.Generator) -> Tensor:
        order = (number + torch.rand(len(label), generator=generator, dtype=torch.float64)).argsort()
        return torch.empty_like(label).index_copy_(0, place, label[order])

    return within
