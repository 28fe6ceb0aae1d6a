"""Whether a weight tensor is as an initialiser draws it: independent entries of one distribution, or orthogonal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh
from scipy.stats import beta, gamma, norm, truncnorm
from torch import Tensor

LEAST = 64  # entries of a tensor that can be judged
SIDE = 320  # rows and columns that are looked at, at most
SAMPLE = 16_384  # entries that are held against a distribution, at most
CUT = 2.0  # standard deviations at which normal initialisers cut
SPREAD_OF_CUT = float(truncnorm.std(-CUT, CUT))
GRAINS = ((torch.bfloat16, 2**-8), (torch.float16, 2**-11))  # what rounding to them changes, relative

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """How unlikely what is drawn may be, in each of the tests."""

    chance: float
    kolmogorov: float  # largest gap to a distribution, times the root of the entries
    lilliefors: float  # the same where mean and spread were fitted
    tracy_widom: float  # spreads above the edge (Johnstone 2001)


USUAL = Level(1e-4, 2.2, 1.4, 4.5)
FAR = Level(1e-8, 3.1, 2.0, 8.5)  # what hardly any of all tensors is by chance


def drawn(weight: Tensor, level: Level = USUAL) -> str | None:
    """How the entries look drawn: "uniform", "normal", "truncated normal", "orthogonal", or "" where by none of these.

    None where that cannot be judged: below 64 entries, one axis, or a table with equal rows or columns. At most
    320 x 320 entries are looked at, the same ones every time. Of what is drawn, one tensor in about a thousand fails
    one of the tests at the USUAL level.

    >>> drawn(torch.nn.Linear(64, 64).weight)
    'uniform'
    """
    if weight.numel() < LEAST or not weight.is_floating_point() or weight.layout != torch.strided or weight.is_meta:
        return None
    tensor = weight.detach().squeeze()
    if tensor.ndim < 2:
        return None
    part, whole = _part(tensor)
    part = part[(part != 0).any(1)] if part.ndim == 2 else part  # a row of zeros is a padding token's
    matrix = part.reshape(len(part), -1) if part.size else part
    if min(matrix.shape) < 2 or not np.isfinite(matrix).all() or _table(matrix):
        return None
    if whole and _orthogonal(matrix):
        return "orthogonal"
    kind = _distribution(matrix.ravel(), _grain(torch.from_numpy(matrix)), level)
    return kind if kind and _independent((part - part.mean()) / part.std(), level) else ""


def _part(tensor: Tensor) -> tuple[Numbers, bool]:
    """The tensor, or a matrix of some of its rows and columns; and whether it is all of it."""
    if tensor.numel() <= SIDE * SIDE:
        return tensor.double().cpu().numpy(), True
    chance = np.random.default_rng(0)
    matrix = tensor.flatten(1)
    across = torch.from_numpy(np.sort(chance.permutation(matrix.shape[1])[:SIDE])).to(tensor.device)
    along = torch.from_numpy(np.sort(chance.permutation(len(matrix))[:SIDE])).to(tensor.device)
    return matrix[along][:, across].double().cpu().numpy(), False


def _table(matrix: Numbers) -> bool:
    """All rows or all columns equal: made by a rule, or a constant."""
    return bool((matrix == matrix[:1]).all() or (matrix == matrix[:, :1]).all())


def _grain(matrix: Tensor) -> float:
    some = matrix.flatten()[:LEAST].float()  # shows it of nearly every tensor that is not rounded
    for kind, grain in GRAINS:
        if torch.equal(some.to(kind).float(), some):
            single = matrix.float()
            if torch.equal(single.to(kind).float(), single):
                return grain
    return 0.0


def _orthogonal(matrix: Numbers) -> bool:
    """All singular values equal, to two in a hundred."""
    flat = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    gram = flat @ flat.T
    return len(gram) >= 4 and bool(np.abs(gram / np.diag(gram).mean() - np.eye(len(gram))).max() < 0.02)


def _distribution(entries: Numbers, grain: float, level: Level) -> str:
    """The first distribution that the entries keep to when it is fitted to them, "" where none."""
    if len(entries) > SAMPLE:
        entries = np.random.default_rng(0).choice(entries, SAMPLE, replace=False)
    x = np.sort(entries)
    low, high, mean, spread = x[0], x[-1], x.mean(), x.std()
    inner = (x[1:-1] - low) / (high - low)
    grain *= max(abs(low), abs(high)) / (high - low)
    if _fits(inner, level.kolmogorov) and all(_sharp(edge, grain, level) for edge in (inner, 1 - inner[::-1])):
        return "uniform"
    if _fits(norm.cdf(x, mean, spread), level.lilliefors):
        return "normal"
    scaled = (x - mean) / (spread / SPREAD_OF_CUT)
    bounded = np.abs(scaled).max() < 1.05 * CUT
    return "truncated normal" if bounded and _fits(truncnorm.cdf(scaled, -CUT, CUT), level.lilliefors) else ""


def _fits(shares: Numbers, most: float) -> bool:
    """Kolmogorov and Smirnov: the sorted entries' shares under the fitted distribution are spread evenly over 0..1."""
    steps = np.arange(len(shares) + 1) / len(shares)
    gap = max((steps[1:] - shares).max(), (shares - steps[:-1]).max())
    return bool(gap * len(shares) ** 0.5 <= most)


def _sharp(sorted_from_edge: Numbers, grain: float, level: Level) -> bool:
    """The edge of a uniform distribution is as full as the rest; training blurs it long before the middle shows it."""
    n = len(sorted_from_edge)
    ranks = 4 ** np.arange(int(np.log(n / 4) / np.log(4)) + 1)
    far = np.clip(sorted_from_edge[ranks - 1] - 2 * grain, 0, 1)
    return bool((beta.sf(far, ranks, n - ranks + 1) > level.chance / len(ranks)).all())


def _independent(part: Numbers, level: Level) -> bool:
    """No slice has a mean or a size of its own, and no direction more than chance gives it."""
    for axis in range(part.ndim):
        if any(p < level.chance for p in _uneven(np.moveaxis(part, axis, 0).reshape(part.shape[axis], -1))):
            return False
    return _no_direction(part.reshape(len(part), -1), level)


def _uneven(slices: Numbers) -> Iterator[float]:
    """The p-values that the slices (mean 0, variance 1 all together) differ in mean, and in mean square."""
    n, each = slices.shape
    if n > 1 and each >= 8:
        squares = slices**2
        for values, excess in ((slices, 0.0), (squares - 1, 12.0)):
            scale = 2 + excess / each  # the variance of a squared mean: 2 for a normal one, more for a mean of squares
            total = each * (values.mean(1) ** 2).sum() / values.var()
            yield float(gamma.sf(total, (n - 1) / scale, scale=scale))


def _no_direction(matrix: Numbers, level: Level) -> bool:
    """The largest singular value lies within the edge of Marchenko and Pastur, with the margin of Tracy and Widom."""
    flat = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    few, many = len(flat), flat.shape[1]
    if few < 4:
        return True
    start = np.random.default_rng(0).standard_normal(few)  # else eigsh draws another each time
    largest = eigsh(flat @ flat.T, k=1, which="LA", v0=start, tol=1e-6, return_eigenvectors=False)[0]
    a, b = (many - 1) ** 0.5, few**0.5
    return bool(largest <= (a + b) ** 2 + level.tracy_widom * (a + b) * (1 / a + 1 / b) ** (1 / 3))
