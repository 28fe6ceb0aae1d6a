"""Of one layer: how its activations vary together, and how the net's answers move with them."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

PART = 4096  # rows of a product that a GPU computes at once
WIDE = 4096  # units beyond which a layer keeps so many rows in place of matrices of units by units


def exact(device: torch.device) -> torch.dtype:
    """The precision of sums and eigenproblems on a device."""
    return torch.float32 if device.type == "mps" else torch.float64


@dataclass
class Moments:
    """Sums over calibration examples, each of which weighs the same whatever its number of positions.

    Up to WIDE units these are the matrices of second moments; of wider layers at most WIDE rows are kept.
    """

    examples: int = 0
    rows: Tensor = field(default_factory=lambda: torch.zeros(()))  # () positions of all examples, on the device
    first: Tensor = field(default_factory=lambda: torch.zeros(0))  # (units,)
    second: Tensor = field(default_factory=lambda: torch.zeros(0))  # (units, units)
    gradient: Tensor = field(
        default_factory=lambda: torch.zeros(0)
    )  # (units, units), of random combinations of answers
    kept: list[Tensor] = field(default_factory=list)  # (rows, units) each, times `roots`; of wide layers
    roots: list[Tensor] = field(default_factory=list)  # (rows,) each, square roots of what each row weighs
    kept_gradient: list[Tensor] = field(default_factory=list)

    def add(self, rows: Tensor, weight: Tensor) -> None:
        """rows: (examples, positions, units). weight: (examples, positions), of each example summing to 1."""
        self.examples += len(rows)
        self.rows = self.rows.to(weight.device) + (weight > 0).sum()
        flat, root = rows.flatten(0, 1).to(exact(rows.device)), weight.flatten().to(rows.device, exact(rows.device))
        self.first = _sum(self.first, root @ flat)
        flat = flat * root.sqrt()[:, None]
        if flat.shape[1] > WIDE:
            self.kept.append(flat)
            self.roots.append(root.sqrt())
        else:
            self.second = _sum(self.second, _products(flat))

    def add_gradient(self, rows: Tensor) -> None:
        """rows: (examples, positions, units), what one random combination of each example's answer moves by."""
        flat = rows.flatten(0, 1).to(exact(rows.device))
        if flat.shape[1] > WIDE:
            self.kept_gradient.append(flat)
        else:
            self.gradient = _sum(self.gradient, _products(flat))

    def plus(self, other: Moments) -> Moments:
        """Both together."""
        return Moments(
            self.examples + other.examples, self.rows.to(other.rows.device) + other.rows, _sum(self.first, other.first),
            _sum(self.second, other.second), _sum(self.gradient, other.gradient), self.kept + other.kept,
            self.roots + other.roots, self.kept_gradient + other.kept_gradient,
        )  # fmt: skip


def _products(rows: Tensor) -> Tensor:
    """rows.T @ rows (units, units), of few units and very many rows in parts, which a GPU adds up side by side."""
    parts = len(rows) // PART
    if not rows.is_cuda or parts < 2:
        return rows.T @ rows
    some, rest = rows[: parts * PART].reshape(parts, PART, -1), rows[parts * PART :]
    products: Tensor = (some.mT @ some).sum(0) + rest.T @ rest
    return products


def _sum(a: Tensor, b: Tensor) -> Tensor:
    """Their sum; an empty one is 0."""
    return b if not a.numel() else a if not b.numel() else a + b
