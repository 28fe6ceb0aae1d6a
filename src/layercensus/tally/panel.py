"""A bounded sample of examples, chosen by a hash of their ids, with every reading that tests between units need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from .groups import alone, halves
from .tally import Tally


@dataclass
class Panel(Tally):
    """The `capacity` examples with the smallest keys, sorted by key, so that order and batching cannot matter.

    a and b are the responses to two independently perturbed views of the same example.
    """

    capacity: Tensor  # () int64
    key: Tensor  # (examples,) int64, ascending
    label: Tensor  # (examples,) int64, -1 where none was given
    mean: Tensor  # (examples, units) float32, unperturbed
    peak: Tensor  # (examples, units) float32, unperturbed
    a_mean: Tensor  # (examples, units) float32
    a_peak: Tensor  # (examples, units) float32
    b_mean: Tensor  # (examples, units) float32
    b_peak: Tensor  # (examples, units) float32
    spots: Tensor  # (examples, spots, units) float32, unperturbed, at seeded positions
    sketch: Tensor  # (examples, bins) float32, unperturbed, of the whole feature map; no bins where there is no map
    group: Tensor  # (examples,) int64, equal where examples share a source; the own key where none is known

    @classmethod
    def empty(cls, units: int, capacity: int = 2048, spots: int = 1, bins: int = 0) -> Self:
        none, key = torch.zeros(0, units), torch.zeros(0, dtype=torch.int64)
        pattern = torch.zeros(0, spots, units), torch.zeros(0, bins), key
        return cls(torch.tensor(capacity), key, key, none, none, none, none, none, none, *pattern)

    def merge(self, other: Panel) -> None:
        keys = torch.cat([self.key, other.key])
        order = keys.argsort(stable=True)[: int(self.capacity)]
        for name in ROWS:
            both = torch.cat([getattr(self, name), getattr(other, name)])
            setattr(self, name, both[order])

    def half(self, which: int) -> Panel:
        """Every second example, or group of examples: 0 to choose by, 1 held out to test on; no group is in both."""
        if not alone(self.group):
            return _Some(self, halves(self.group) == which)
        return Panel(self.capacity, *(getattr(self, name)[which::2] for name in ROWS))

    def that_reached(self) -> Panel:
        """The examples that came to this layer in every reading; the others' rows hold nan."""
        if not len(self):
            return self
        reached = torch.stack([getattr(self, name)[:, :1] for name in READINGS]).isfinite().all(0).all(1)
        return self if bool(reached.all()) else self._of(reached)

    def with_examples_of(self, others: Sequence[Panel]) -> Panel:
        """The examples that are in all the other panels as well."""
        common = torch.ones(len(self), dtype=torch.bool)
        for other in others:
            common &= torch.isin(self.key, other.key)
        return self if bool(common.all()) else self._of(common)

    def with_positions(self, spots: int) -> Panel:
        """The same with so many positions of each map, repeated as evenly as possible."""
        index = torch.arange(spots) * self.spots.shape[1] // spots
        return replace(self, spots=self.spots[:, index])

    def _of(self, rows: Tensor) -> Panel:
        some = _Some(self, rows)
        return Panel(self.capacity, *(getattr(some, name) for name in ROWS))

    def __len__(self) -> int:
        return len(self.key)


class _Some(Panel):
    """Some examples of a panel, whose readings are copied once they are asked for.

    What one tensor is for several readings, as where a layer has one position, stays one.
    """

    def __init__(self, whole: Panel, rows: Tensor) -> None:
        self.capacity, self._whole, self._rows = whole.capacity, whole, rows
        self._taken: dict[tuple[int, int], Tensor] = {}

    def __getattr__(self, name: str) -> Tensor:
        if name not in ROWS:
            raise AttributeError(name)
        x: Tensor = getattr(self._whole, name)
        which = x.data_ptr(), x.numel()
        if which not in self._taken or not x.numel():
            self._taken[which] = x[self._rows]
        return self._taken[which].view(len(self._taken[which]), *x.shape[1:])


def joined_spots(parts: Sequence[Tensor], spots: int) -> Tensor:
    """Spots of several batches as one tensor (examples, spots, units).

    A map with fewer positions than `spots` was read whole; where maps differ in size, each is brought to `spots` by
    repeating its positions as evenly as possible.
    """
    if len({part.shape[1] for part in parts}) > 1:
        parts = [part[:, torch.arange(spots) * part.shape[1] // spots] for part in parts]
    return torch.cat(list(parts))


READINGS = ("mean", "a_mean", "b_mean")
ROWS = ("key", "label", "mean", "peak", "a_mean", "a_peak", "b_mean", "b_peak", "spots", "sketch", "group")
