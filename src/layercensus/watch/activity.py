"""What one pass says of a layer: units that are dead or dormant, and over how many directions it spreads."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..measures.spectrum import entropy_rank, spectrum, varies
from ..tally import Panel

DORMANT = {"dormant": 0.025, "dormant_wide": 0.1}  # column -> tau


def activity(panel: Panel, live: Tensor, magnitude: Tensor) -> dict[str, Any]:
    """Columns of a layer.

    live: (units,) bool. magnitude: (units,) mean of abs(response) over examples and positions. A dead unit answers
    every example of the panel alike; with n examples it does otherwise in at most 3/n of all (95 %, rule of three).
    """
    n = len(panel)
    row: dict[str, Any] = {"dead": int((~live).sum()), "examples": n}
    row["dead_bound"] = min(1.0, 3 / n) if row["dead"] and n else None
    row |= {name: dormant(magnitude, tau) for name, tau in DORMANT.items()}
    row["effective_rank"] = effective_rank(panel.mean.double(), live)
    return row


def dormant(magnitude: Tensor, tau: float) -> float:
    """Fraction of units whose mean abs(response) is at most tau of the layer's mean (Sokar et al. 2023).

    1 where no unit responds at all.

    >>> import torch
    >>> dormant(torch.tensor([0.0, 0.02, 1.0, 3.0]), 0.025)
    0.5
    """
    return float((magnitude <= tau * magnitude.mean()).double().mean())


def effective_rank(mean: Tensor, live: Tensor) -> float | None:
    """exp of the entropy of the covariance's eigenvalues over examples (Roy & Vetterli 2007); None of a still layer.

    mean: (examples, units) spatial means.

    >>> import torch
    >>> x = torch.eye(4, dtype=torch.float64).repeat(2, 1)  # four directions, of which the mean takes one
    >>> round(effective_rank(x, torch.ones(4, dtype=torch.bool)), 6)
    3.0
    """
    x = mean[:, live]
    x = x[:, varies(x)] if x.shape[1] else x
    if len(x) < 2 or not x.shape[1]:
        return None
    values = spectrum(x)
    return entropy_rank(values / values.sum())
