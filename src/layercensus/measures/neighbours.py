"""Distances between examples in a layer, and what dimension they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .by_units import EACH, blocks

EXACT = 4  # nearest neighbours whose distance is taken from differences, not from products
BLOCK = 512  # examples whose distances to all others are held at once
REPEAT = 1e-12  # of the largest squared length: examples nearer than that are the same one
SAFE = 1e-3  # of the same: float32 products leave squared distances beyond it right to some 1e-4
SCALES = (1, 2, 4, 8, 16, 32, 64)  # neighbours n1 of Gride, compared with 2 n1
MLE_NEIGHBOURS = 20
KEPT = 0.9  # fraction of the ratios that TwoNN is fitted to
STEPS = 60  # halvings of the interval in which Gride's dimension is searched


def distances(x: Tensor, most: int = 2 * SCALES[-1]) -> tuple[Tensor, int]:
    """Distances of each example to its nearest ones, (examples, neighbours) float64 ascending, and repeated examples.

    x: (examples, coordinates). An example that repeats an earlier one is dropped and counted. Cost: the square of the
    number of examples times the coordinates.
    """
    r, rows = distances_of(x, most)
    return r, len(x) - len(rows)


def distances_of(x: Tensor, most: int = 2 * SCALES[-1]) -> tuple[Tensor, Tensor]:
    """The same distances, and which of the examples they are of: (kept,) int64."""
    if len(x) < 3:
        return torch.zeros(len(x), 0, dtype=torch.float64), torch.arange(len(x))
    wanted = max(most, EXACT + 1)  # one beyond the exact ones, to judge whether products could be trusted to find them
    r, same, size = _nearest(Centred(x, torch.float32), wanted)
    near = float(r[:, 0].amin()) ** 2 <= REPEAT * size or bool((r[:, EXACT:].square() < SAFE * size).any())
    if near or bool(same.any()):  # only float64 may say that two examples are the same
        r, same, _ = _nearest(Centred(x, torch.float64), wanted)
    if not bool(same.any()):
        return r[:, :most], torch.arange(len(x))
    r, rows = distances_of(x[~same], most)
    return r, (~same).nonzero().flatten()[rows]


@dataclass(frozen=True)
class Centred:
    """Examples less their mean, some coordinates at a time where there are so many that a copy of all is too much."""

    x: Tensor  # (examples, coordinates)
    dtype: torch.dtype  # float32 or float64

    @cached_property
    def whole(self) -> list[Tensor]:
        """All coordinates, where one block holds them."""
        some = list(blocks(self.x.shape[1], EACH * len(self.x)))
        return [self._of(some[0])] if len(some) == 1 else []

    def parts(self) -> Iterable[Tensor]:
        """(examples, some coordinates) each."""
        return self.whole or (self._of(some) for some in blocks(self.x.shape[1], EACH * len(self.x)))

    def _of(self, some: slice) -> Tensor:
        x = self.x[:, some]
        middle = x.mean(0, dtype=torch.float64)
        return x.double() - middle if self.dtype is torch.float64 else (x - middle.to(x.dtype)).float()

    def square(self) -> Tensor:
        """(examples,) squared lengths."""
        return _sum(part.square().sum(1) for part in self.parts())

    def less(self, size: Tensor, rows: slice) -> Tensor:
        """(rows, examples) squared distances less what all of a row have in common, its own squared length."""
        less = size
        for part in self.parts():
            less = torch.addmm(less, part[rows], part.T, alpha=-2)
        return less

    def apart(self, rows: slice, others: Tensor) -> Tensor:
        """(rows,) distance of each to another example, from differences. others: (rows,) int64."""
        return _length([(part[rows] - part[others]).norm(dim=1) for part in self.parts()])


def _sum(parts: Iterable[Tensor]) -> Tensor:
    first, *rest = parts
    for part in rest:
        first = first + part
    return first


def _length(parts: Sequence[Tensor]) -> Tensor:
    """Of vectors whose parts have these lengths."""
    length: Tensor = parts[0] if len(parts) == 1 else torch.stack(list(parts)).norm(dim=0)
    return length


def _nearest(x: Centred, most: int) -> tuple[Tensor, Tensor, float]:
    """Distances to the nearest ones, which examples repeat an earlier one, and the largest squared length."""
    size = x.square()
    n, largest = len(size), float(size.amax())
    limit = REPEAT * largest
    same = torch.zeros(n, dtype=torch.bool)
    parts = []
    for start in range(0, n, BLOCK):
        own, common = slice(start, start + BLOCK), size[start : start + BLOCK, None]
        less = x.less(size, own)
        less.diagonal(start).fill_(torch.inf)
        near = less.topk(min(most, n - 1), dim=1, largest=False)
        r = (near.values + common).clamp(min=0).sqrt()
        if float(r[:, 0].amin()) ** 2 <= limit:
            earlier = torch.arange(n) <= torch.arange(start, start + len(less))[:, None]
            same |= ((less + common <= limit) & ~earlier).any(0)
        exact = [x.apart(own, near.indices[:, j]) for j in range(min(EXACT, r.shape[1]))]
        r[:, : len(exact)] = torch.stack(exact, 1)
        parts.append(r.double().sort(1).values)
    return torch.cat(parts), same, largest


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


def weighted_slope(log_mu: Tensor, weight: Tensor) -> Tensor:
    """The same with each example counted `weight` times: (examples,), (resamples, examples) -> (resamples,)."""
    order = log_mu.argsort()
    x, w = log_mu[order], weight[:, order]
    below = w.cumsum(1) / w.sum(1, keepdim=True)
    w = torch.where(below <= KEPT, w, 0.0)
    y = -(1 - below.clamp(max=KEPT)).log()
    fitted: Tensor = (w * x * y).sum(1) / (w * x * x).sum(1)
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
