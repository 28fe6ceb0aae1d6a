"""How much of a picture can be read back from a layer, linearly and on pictures that were not fitted."""

from __future__ import annotations

import torch
from torch import Tensor

PENALTIES = tuple(10.0**power for power in range(-5, 2))  # of the mean eigenvalue of the training rows' Gram matrix
FITTED = 2 / 3


def readable(gram: Tensor, targets: Tensor) -> float:
    """Held-out R^2 of ridge regression from a layer's activations to the pictures that went in.

    gram: (examples, examples) inner products of the examples' activations, float64. targets: (examples, pixels).
    The first two thirds are fitted, the penalty is the best by leaving one out among them; R^2 is over all pixels
    of the others, against the mean of the fitted ones: who predicts that mean scores about 0.
    Cost: examples^3, whatever the width of the layer (Saunders et al. 1998, the dual form).
    """
    fitted = int(len(gram) * FITTED)
    wanted, mean = targets.double(), targets[:fitted].double().mean(0)
    kernel = _centred(gram.double(), fitted)
    values, vectors = torch.linalg.eigh(kernel[:fitted, :fitted])
    values = values.clamp(min=0)
    residue = wanted[:fitted] - mean
    scale = float(values.mean())
    if scale <= 0:
        return 0.0
    turned = vectors.T @ residue
    best = min(PENALTIES, key=lambda p: _left_out(values, vectors, turned, residue, p * scale))
    weights = vectors @ (turned / (values + best * scale).unsqueeze(1))
    guess = mean + kernel[fitted:, :fitted] @ weights
    off = (wanted[fitted:] - guess).square().sum()
    return float(1 - off / (wanted[fitted:] - mean).square().sum())


def _centred(gram: Tensor, fitted: int) -> Tensor:
    """The Gram matrix of activations minus the mean of the fitted rows."""
    mean = gram[:, :fitted].mean(1, keepdim=True)
    return gram - mean - mean.T + gram[:fitted, :fitted].mean()


def _left_out(values: Tensor, vectors: Tensor, turned: Tensor, residue: Tensor, penalty: float) -> float:
    """Sum of squared errors when each fitted row is left out in turn (Allen's PRESS)."""
    shrunk = values / (values + penalty)
    leverage = (vectors.square() * shrunk).sum(1, keepdim=True) + 1 / len(values)
    error = (residue - vectors @ (shrunk.unsqueeze(1) * turned)) / (1 - leverage).clamp(min=1e-6)
    return float(error.square().sum())
