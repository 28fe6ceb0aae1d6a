"""How far the net's answers move, to first order, when a unit is put at its mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .moments import exact


@dataclass
class Effects:
    """Of each example and unit: gradient times activation, and gradient, each summed over positions."""

    product: list[Tensor] = field(default_factory=list)  # (examples, units) each
    gradient: list[Tensor] = field(default_factory=list)

    def watch(self, rows: Tensor) -> Callable[[Tensor], None]:
        """What takes the gradient of these rows (examples, positions, units) when it comes."""
        shift = rows.float().mean((0, 1))
        held = rows.float() - shift

        def take(gradient: Tensor) -> None:
            slope = gradient.float()
            total = slope.sum(1).to(exact(rows.device))
            self.product.append((slope * held).sum(1).to(total) + shift.to(total) * total)
            self.gradient.append(total)

        return take

    def moved(self, mean: Tensor) -> Tensor:
        """(examples, units): by how much a random combination of the answers moves with the unit at its mean."""
        return torch.cat(self.product) - mean * torch.cat(self.gradient)
