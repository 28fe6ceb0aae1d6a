"""Labels in random order: what class information chance alone gives, whether examples stand alone or in groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

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


@dataclass
class Orders:
    """Permutations of the same labels, one after the other, each drawn once however many layers ask for it."""

    draw: Callable[[torch.Generator], Tensor]
    generator: torch.Generator
    drawn: list[Tensor] = field(default_factory=list)  # (examples,) int16 each, or int32
    lock: Lock = field(default_factory=Lock)

    def some(self, first: int, last: int) -> Tensor:
        """Those of these numbers: (last - first, examples) int64."""
        with self.lock:
            while len(self.drawn) < last:
                labels = self.draw(self.generator)
                self.drawn.append(labels.to(torch.int16 if int(labels.max()) < 2**15 else torch.int32))
        return torch.stack(self.drawn[first:last]).long()


def orders(label: Tensor, group: Tensor, seed: int) -> Orders:
    """The permutations that this seed draws; those of the labels asked for last are kept for the next layer."""
    given = tuple(x.contiguous().numpy().tobytes() for x in (label, group))
    return _kept(*given, seed)


@lru_cache(maxsize=1)
def _kept(label: bytes, group: bytes, seed: int) -> Orders:
    labels, groups = (torch.frombuffer(bytearray(x), dtype=torch.int64) for x in (label, group))
    return Orders(permuted_labels(labels, groups), torch.Generator().manual_seed(seed))
