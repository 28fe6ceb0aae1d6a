"""Distances between examples in a layer, and what dimension they speak of."""

from __future__ import annotations

import torch
from torch import Tensor

EXACT = 4  # nearest neighbours whose distance is taken from differences, not from products
SCALES = (1, 2, 4, 8, 16, 32, 64)  # neighbours n1 of Gride, compared with 2 n1
MLE_NEIGHBOURS = 20
KEPT = 0.9  # share of the ratios that TwoNN is fitted to
STEPS = 60  # halvings of the interval in which Gride's dimension is searched


def distances(x: Tensor, most: int = 2 * SCALES[-1]) -> tuple[Tensor, int]:
    """Distances of each example to its nearest ones, (examples, neighbours) float64 ascending, and repeated examples.

    x: (examples, coordinates). An example that repeats an earlier one is dropped and counted. Cost: the square of the
    number of examples times the coordinates.
    """
    if len(x) < 3:
        return torch.zeros(len(x), 0, dtype=torch.float64), 0
    x = x.double()
    x = x - x.mean(0)
    size = x.square().sum(1)
    square = (size[:, None] + size[None] - 2 * x @ x.T).clamp(min=0)
    same = torch.triu(square <= 1e-12 * size.amax().clamp(min=1e-300), 1).any(0)
    if bool(same.any()):
        x, square = x[~same], square[~same][:, ~same]
    if len(x) < 3:
        return torch.zeros(len(x), 0, dtype=torch.float64), int(same.sum())
    square.fill_diagonal_(torch.inf)
    near = square.topk(min(most, len(x) - 1), dim=1, largest=False)
    r = near.values.sqrt()
    close = near.indices[:, :EXACT]
    r[:, :EXACT] = torch.stack([(x - x[close[:, j]]).norm(dim=1) for j in range(close.shape[1])], 1)
    return r.sort(1).values, int(same.sum())


def twonn(r: Tensor) -> Tensor:
    """TwoNN (Facco et al. 2017): slope of -log(1 - F) on log(r2 / r1) over the lowest 90 % of the ratios.

    r: (..., examples, at least 2), distances ascending. Returned (...,).
    """
    return slope((r[..., 1] / r[..., 0]).log())


def slope(log_mu: Tensor) -> Tensor:
    """TwoNN from the logarithms of the ratios, (..., examples) -> (...,)."""
    n = log_mu.shape[-1]
    kept = max(int(n * KEPT), 1)
    x = log_mu.sort(-1).values[..., :kept]
    y = -(1 - torch.arange(1, kept + 1, dtype=x.dtype) / n).log()
    fitted: Tensor = (x * y).sum(-1) / x.square().sum(-1)
    return fitted


def mle(r: Tensor, neighbours: int = MLE_NEIGHBOURS) -> float:
    """Levina & Bickel (2004), averaged over examples as MacKay & Ghahramani (2005) showed: inverses, not estimates."""
    r = r[:, :neighbours]
    inverse = (r[:, -1:] / r[:, :-1]).log().mean(1)
    return float(1 / inverse.mean())


def gride(r: Tensor, n1: int) -> float:
    """Gride (Denti et al. 2022): maximum likelihood from the ratio of the distances to neighbours 2 n1 and n1."""
    log_mu = (r[:, 2 * n1 - 1] / r[:, n1 - 1]).log().clamp(min=1e-12)
    low, high, d = 1e-3, 1e4, 1.0
    for _ in range(STEPS):
        d = (low * high) ** 0.5
        # derivative of the log-likelihood in d; it falls
        score = len(log_mu) / d - (2 * n1 - 1) * log_mu.sum()
        score = score + (n1 - 1) * (log_mu / -torch.expm1(-d * log_mu)).sum()
        low, high = (d, high) if float(score) > 0 else (low, d)
    return d


def scales(r: Tensor) -> dict[int, float]:
    """Gride at every scale that the number of examples allows, by its n1."""
    return {n1: gride(r, n1) for n1 in SCALES if 2 * n1 <= r.shape[1]}
