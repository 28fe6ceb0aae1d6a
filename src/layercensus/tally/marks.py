"""Which examples, or which positions of them, each concept is in, beside what the net was given there."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

UPPER = 0.75  # quantile of a graded concept above which an example has it


@dataclass(frozen=True)
class Marks:
    """Values of some concepts for examples of the panel: at whole examples, or at the positions that are read of maps.

    A concept that is graded (how bright) is one whose value is in the upper quarter of the panel; every other is
    there where its value is above 0. Rows of shards are joined before anything is made of them.
    """

    key: Tensor  # (examples,) int64, ascending
    value: Tensor  # (examples, spots, concepts) float32, nan where it is not known; one spot: the whole example
    inputs: Tensor  # (examples, spots, features) float32, what the net is given there
    concept: Tensor  # (concepts,) int64, the number of each in the list of all concepts
    graded: Tensor  # (concepts,) bool
    total: Tensor  # () int64, concepts in that list

    def state_dict(self) -> dict[str, Tensor]:
        """Everything as plain tensors, ready for safetensors."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        """What this `state_dict()` was of."""
        return cls(**{field.name: state[field.name] for field in fields(cls)})

    def joined(self, other: Marks) -> Marks:
        """The marks of both: those of an example that both hold are the same."""
        key, first = torch.cat([self.key, other.key]).unique(return_inverse=True)  # type: ignore[no-untyped-call]
        at = torch.empty(len(key), dtype=torch.int64).index_copy_(0, first, torch.arange(len(first)))
        value, inputs = (torch.cat(pair)[at] for pair in ((self.value, other.value), (self.inputs, other.inputs)))
        return Marks(key, value, inputs, self.concept, self.graded, self.total)

    def of(self, keys: Tensor) -> Marks:
        """Those of these examples, all of which must be among them, in the order of the keys."""
        at = torch.searchsorted(self.key, keys.contiguous())
        return Marks(self.key[at], self.value[at], self.inputs[at], self.concept, self.graded, self.total)

    def has(self) -> Tensor:
        """(examples, spots, concepts) float32: 1 where the concept is, 0 where it is not, nan where that is unknown."""
        limit = torch.zeros(len(self.graded))
        for number in self.graded.nonzero().flatten().tolist():
            known = self.value[..., number].flatten()
            limit[number] = _upper(known[~known.isnan()])
        there = self.value > limit
        return torch.where(self.value.isnan(), torch.nan, there.float())


def _upper(known: Tensor) -> float:
    """What the upper quarter is above; where more than a quarter have the largest value, those."""
    if not len(known):
        return 0.0
    limit, most = float(known.quantile(UPPER)), float(known.max())
    below = known[known < most]
    return float(below.max()) if limit == most and len(below) else limit
