"""Examples of one source (a photograph, a speaker, a document) stay together wherever examples are parted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def alone(group: Tensor) -> bool:
    """Whether every example is a group of its own. group: (examples,) int64."""
    return len(torch.unique(group)) == len(group)


def numbered(group: Tensor) -> Tensor:
    """(examples,) int64: the number of each example's group, 0 for the largest; of equal ones, as they come first.

    >>> numbered(torch.tensor([7, 5, 5, 9])).tolist()
    [1, 0, 0, 2]
    """
    _, first, which, size = np.unique(group.numpy(), return_index=True, return_inverse=True, return_counts=True)
    number = np.empty(len(size), dtype=np.int64)
    number[np.lexsort((first, -size))] = np.arange(len(size))
    return torch.from_numpy(number[which.ravel()])


def sizes(group: Tensor) -> list[int]:
    """How many examples each group has, the largest first."""
    return torch.bincount(numbered(group)).tolist() if len(group) else []


def halves(group: Tensor) -> Tensor:
    """(examples,) int64, 0 or 1: two halves, no group in both, as many groups in each and about as many examples.

    Groups go two by two, the larger of each two to the half that has fewer examples. Where every example is alone these
    are every second one.

    >>> halves(torch.tensor([7, 5, 5, 9])).tolist()
    [1, 0, 0, 1]
    """
    of_group, filled = torch.zeros(len(size := sizes(group)), dtype=torch.int64), [0, 0]
    for larger in range(0, len(size), 2):
        half = int(filled[1] < filled[0])
        for number, which in zip(range(larger, min(larger + 2, len(size))), (half, 1 - half), strict=False):
            of_group[number] = which
            filled[which] += size[number]
    return of_group[numbered(group)]


def moved(group: Tensor, permutation: Callable[[int], Tensor]) -> Tensor:
    """(examples,) int64: rows in another order, in which whole groups change places and stay together.

    Where groups differ in size, a larger one is filled by repeating the examples of the smaller. Where every example is
    alone this is a permutation of them. permutation: n -> a random order of n things, (n,) int64.
    """
    if alone(group):
        return permutation(len(group))
    number = numbered(group)
    members = [(number == one).nonzero().flatten() for one in range(int(number.max()) + 1)]
    order = torch.empty(len(group), dtype=torch.int64)
    for mine, theirs in zip(members, permutation(len(members)).tolist(), strict=True):
        order[mine] = members[theirs][torch.arange(len(mine)) % len(members[theirs])]
    return order
