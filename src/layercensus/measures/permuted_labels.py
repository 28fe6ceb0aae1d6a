"""Labels in random order: what class information chance alone gives, whether examples stand alone or in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

import torch
from torch import Tensor

from ..tally.groups import alone, numbered

KEPT = 32_000_000  # bytes of permutations that wait for the next layer


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
    """Permutations of the same labels, one after the other: those that fit in KEPT are drawn once for all layers."""

    draw: Callable[[torch.Generator], Tensor]
    generator: torch.Generator
    most: int  # permutations that are kept
    drawn: list[Tensor] = field(default_factory=list)  # (examples,) int16 each, or int32
    lock: Lock = field(default_factory=Lock)

    def stacks(self, permutations: int, some: int) -> Iterator[Tensor]:
        """The first so many, `some` at a time: (some, examples) int64."""
        with self.lock:
            while len(self.drawn) < min(permutations, self.most):
                labels = self.draw(self.generator)
                self.drawn.append(labels.to(torch.int16 if int(labels.max()) < 2**15 else torch.int32))
        beyond = torch.Generator()
        beyond.set_state(self.generator.get_state())  # what is not kept goes on where that ends, each time anew
        for start in range(0, permutations, some):
            stop = min(start + some, permutations)
            rows = [labels.long() for labels in self.drawn[start : min(stop, self.most)]]
            yield torch.stack([*rows, *(self.draw(beyond) for _ in range(stop - start - len(rows)))])


def orders(label: Tensor, group: Tensor, seed: int) -> Orders:
    """The permutations that this seed draws; those of the labels asked for last are kept for the next layer."""
    given = tuple(x.contiguous().numpy().tobytes() for x in (label, group))
    return _kept(*given, seed)


@lru_cache(maxsize=1)
def _kept(label: bytes, group: bytes, seed: int) -> Orders:
    labels, groups = (torch.frombuffer(bytearray(x), dtype=torch.int64) for x in (label, group))
    generator = torch.Generator().manual_seed(seed)
    return Orders(permuted_labels(labels, groups), generator, KEPT // (2 * max(1, len(labels))))
