"""What a net's answers rest on in one layer, unit by unit, and the answers with only some units kept."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class UnitNeeds:
    """Units of one layer in the order in which the answers need them, and the answers with the first k of them kept.

    Every other unit is what the kept unit most like it says of it, on a line fitted to the calibration examples, which
    for a unit like none is its mean.
    """

    order: Tensor  # (units,) int64
    spectrum: Tensor  # (units,) float64, in that order, never rising: what each unit adds to first order
    effect: Tensor  # (units,) float64, by unit: what its mean in its place changes to first order, of the answers'
    # variance; nan where the answers have no gradient
    tried: Tensor  # (tried,) int64, ascending: the numbers of units k that were kept
    change: Tensor  # (tried, held out) float64, squared change of each held-out example's answer
    variance: Tensor  # (held out,) float64, squared distance of each answer from the mean answer

    def state_dict(self) -> dict[str, Tensor]:
        """Everything as plain tensors, ready for safetensors."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        """What this `state_dict()` was of."""
        return cls(**{field.name: state[field.name] for field in fields(cls)})

    @property
    def place(self) -> Tensor:
        """(units,) int64, by unit: its place in the order, the first 0."""
        return torch.empty_like(self.order).scatter_(0, self.order, torch.arange(len(self.order)))
