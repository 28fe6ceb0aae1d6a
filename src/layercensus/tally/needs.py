"""What a net's answers rest on in one layer: directions of its activations, and the answers without the rest."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Needs:
    """Directions of one layer in the order of what the answers rest on, and the answers with the first k of them kept.

    A row of activations a, at any position, has the scores s = (a - mean) @ reader, and is put back as
    mean + s @ writer.T; on the calibration examples the scores have unit variance and are uncorrelated. Calibration
    examples choose the directions, others, held out, judge them.
    """

    mean: Tensor  # (units,) float64, over the calibration rows, of which every example weighs the same
    reader: Tensor  # (units, directions) float64
    writer: Tensor  # (units, directions) float64
    spectrum: Tensor  # (rank,) float64, what the answers move along each direction to first order, largest first
    tried: Tensor  # (tried,) int64, ascending: the numbers of directions k that were kept
    change: Tensor  # (tried, held out) float64, squared change of each held-out example's answer
    variance: Tensor  # (held out,) float64, squared distance of each answer from the mean answer, times n / (n - 1)
    held_out: Tensor  # (held out,) int64, keys of the held-out examples
    fewer: Tensor  # (tried,) float64, fidelity with directions of half of the calibration examples; nan: not tried
    examples: Tensor  # () int64, calibration examples
    rows: Tensor  # () int64, calibration rows: positions of all examples
    by_gradient: Tensor  # () bool; False: principal directions, since the answers have no gradient here

    def state_dict(self) -> dict[str, Tensor]:
        """Everything as plain tensors, ready for safetensors."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        """What this `state_dict()` was of."""
        return cls(**{field.name: state[field.name] for field in fields(cls)})

    @property
    def fidelity(self) -> Tensor:
        """(tried,) float64: 1 - squared change of the answers / their variance, over the held-out examples.

        1 where nothing changed; 0 where the answers are no better than their mean; below 0 where they are worse.
        """
        return 1 - self.change.sum(1) / self.variance.sum()

    def scores(self, rows: Tensor, directions: int | None = None) -> Tensor:
        """(..., directions) float64: the scores of rows (..., units) along the first directions, or along all."""
        return (rows.double() - self.mean) @ self.reader[:, :directions]


@dataclass(frozen=True)
class Rows:
    """One layer of an untrained net at a few positions of the panel's examples; sorted by key, as a panel is."""

    key: Tensor  # (examples,) int64, ascending
    spots: Tensor  # (examples, spots, units) float32

    def of(self, keys: Tensor) -> Tensor:
        """(examples, spots, units): the rows of these examples, all of which must be among them."""
        return self.spots[torch.searchsorted(self.key, keys)]
