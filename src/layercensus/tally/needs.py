"""What a net's answers rest on in one layer: directions of its activations, and the answers without the rest."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from .unit_needs import UnitNeeds

UNITS = "units."  # before the names of what is known unit by unit
MOST = 1e12  # loss above which it does not matter how large it is


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
    units: UnitNeeds | None = None  # the same with units in place of directions, where that was asked

    def state_dict(self) -> dict[str, Tensor]:
        """Everything as plain tensors, ready for safetensors."""
        own = {name: getattr(self, name) for name in _tensors()}
        of_units = {} if self.units is None else self.units.state_dict()
        return own | {f"{UNITS}{name}": value for name, value in of_units.items()}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        """What this `state_dict()` was of."""
        units = {name.removeprefix(UNITS): value for name, value in state.items() if name.startswith(UNITS)}
        own = {name: state[name] for name in _tensors()}
        return cls(**own, units=UnitNeeds.from_state(units) if units else None)

    @property
    def fidelity(self) -> Tensor:
        """(tried,) float64: 1 - squared change of the answers / their variance, over the held-out examples.

        1 where nothing changed; 0 where the answers are no better than their mean; below 0 where they are worse.
        """
        return 1 - (self.change.sum(1) / self.variance.sum().clamp(min=1e-300)).clamp(max=MOST)

    def scores(self, rows: Tensor, directions: int | None = None) -> Tensor:
        """(..., directions) float64: the scores of rows (..., units) along the first directions, or along all."""
        return (rows.double() - self.mean) @ self.reader[:, :directions]


def _tensors() -> list[str]:
    return [field.name for field in fields(Needs) if field.name != "units"]


@dataclass(frozen=True)
class Rows:
    """One layer of an untrained net at a few positions of the panel's examples; sorted by key, as a panel is."""

    key: Tensor  # (examples,) int64, ascending
    spots: Tensor  # (examples, spots, units) float32

    def of(self, keys: Tensor) -> Tensor:
        """(examples, spots, units): the rows of these examples, all of which must be among them."""
        return self.spots[torch.searchsorted(self.key, keys)]
