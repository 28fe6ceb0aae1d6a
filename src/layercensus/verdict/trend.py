"""How a number changes over depth: Kendall's tau, a shape, and how sure both are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau
from scipy.stats import t as student

from .isotonic import fits

Values = NDArray[np.float64]

FLAT = 0.15  # of the level: a smaller range over depth is no trend
FIT = 0.7  # fraction of the variation over depth that a shape must explain
BEND = 0.15  # how much more of it a peak must explain than the best monotone curve
AGREEMENT = 0.9  # fraction of replicates that must agree on the shape
CHANCE = 0.05 / 4  # a rise or fall must be rarer than this among random orders of the layers: four shapes are tried
CHANCE_OF_A_BEND = 0.02  # the same for a peak or trough, of which seven layers have 64 among 5,040 orders
CHANCE_OF_FOUR = 0.05  # the same for four layers, whose 24 orders cannot be rarer than 1/24
ALPHA = 0.05  # an excess must be rarer than this among untrained nets
ENUMERATED = 7  # layers up to which every order is tried: 5,040
ORDERS = 4000  # random orders sampled of more layers: 50 of them decide, give or take 7
FIRST = 400  # of those, which often are enough


@dataclass(frozen=True)
class Trend:
    """One number's trend over depth."""

    tau: float  # Kendall's tau-b with depth, -1 ... 1
    low: float  # 95 % interval over resampled examples
    high: float
    shape: str  # rises | falls | peaks | troughs | flat | undecided
    agreement: float  # fraction of replicates with that shape, 0 ... 1
    layers: int
    p_untrained: float = float("nan")  # of the shape among untrained nets, where several were counted


@dataclass(frozen=True)
class Untrained:
    """The same number in several untrained nets and in the net in question, all on the same few examples."""

    net: Values  # (layers,)
    nets: Values  # (untrained nets, layers)


def trend(
    values: Sequence[float] | Values, replicates: Values, level: float, untrained: Untrained | None = None
) -> Trend:
    """The trend of `values` over depth.

    values: (layers,). replicates: (replicates, layers), the same numbers on resampled examples; they are moved so that
    their mean is the estimate, since counts of clusters are biased in a resample. level: the size against which a
    range counts as flat, e.g. the mean count of trained and untrained net. untrained: for an excess over an untrained
    net, which must bend or rise more than untrained nets do among themselves.
    """
    y = np.asarray(values, dtype=np.float64)
    centred = replicates - replicates.mean(0) + y
    taus = np.array([_tau(row) for row in centred])
    shapes = _shapes(centred, level)
    shape = shape_of(y, level)
    agreement = float(np.mean([s == shape for s in shapes])) if len(shapes) else 0.0
    certain = agreement >= AGREEMENT and (shape == "flat" or rarity(y, shape) <= _allowed(shape, len(y)))
    p = float("nan") if untrained is None else rarity_untrained(untrained, shape)
    certain = certain and not p > ALPHA
    low, high = np.percentile(taus, [2.5, 97.5])
    return Trend(_tau(y), float(low), float(high), shape if certain else "undecided", agreement, len(y), p)


def rarity_untrained(untrained: Untrained, shape: str) -> float:
    """P-value of the shape's strength in a net among untrained nets: Student's t for one net more, two-sided.

    The strength is one number a net: the sum of its counts, weighted by depth for a rise or fall and by the squared
    distance from the middle for a bend. nan for other shapes, and where fewer than three untrained nets were counted.
    """
    depth = np.linspace(-1, 1, len(untrained.net))
    weight = {"rises": depth, "falls": -depth, "peaks": -(depth**2), "troughs": depth**2}.get(shape)
    nets = untrained.nets[~np.isnan(untrained.nets).any(axis=1)]
    if weight is None or len(nets) < 3 or np.isnan(untrained.net).any():
        return float("nan")
    weight = weight - weight.mean()
    among, own = nets @ weight, float(untrained.net @ weight)
    difference, error = own - among.mean(), among.std(ddof=1) * (1 + 1 / len(among)) ** 0.5
    if error == 0:  # untrained nets that all hold the same say nothing of how rare another number is
        return float("nan")
    return float(2 * student.sf(difference / error, len(among) - 1)) if difference > 0 else 1.0


def _allowed(shape: str, layers: int) -> float:
    if layers <= 4:
        return CHANCE_OF_FOUR
    return CHANCE_OF_A_BEND if shape in ("peaks", "troughs") else CHANCE


def shape_of(y: Values, level: float) -> str:
    """The simplest shape that explains most of the variation, "undecided" when none does."""
    return _shapes(y[None], level)[0]


def _shapes(rows: Values, level: float) -> list[str]:
    """The shape of each row: (rows, layers)."""
    if rows.shape[1] < 3 or not len(rows):
        return ["undecided"] * len(rows)
    fit = fits(rows)
    monotone = np.where(fit["rises"] >= fit["falls"], "rises", "falls")
    bent = np.where(fit["peaks"] >= fit["troughs"], "peaks", "troughs")
    by_monotone, by_bend = np.maximum(fit["rises"], fit["falls"]), np.maximum(fit["peaks"], fit["troughs"])
    bends = (by_bend >= FIT) & (by_bend - by_monotone >= BEND)
    shape = np.where(bends, bent, np.where(by_monotone >= FIT, monotone, "undecided"))
    flat = np.ptp(rows, axis=1) <= FLAT * level
    return [str(name) for name in np.where(flat, "flat", shape)]


def rarity(y: Values, shape: str) -> float:
    """Fraction of random orders of the layers that show the shape at least as well; 1 for an undecided shape."""
    if shape not in ("rises", "falls", "peaks", "troughs"):
        return 1.0
    least, orders = _strength(y, shape) - 1e-12, _orders(len(y))
    some = np.mean(_strength(y[orders[:FIRST]], shape) >= least) if len(orders) == ORDERS else CHANCE
    if CHANCE / 4 < some < 4 * CHANCE:  # else so few, or so many, that more orders change nothing
        some = np.mean(_strength(y[orders], shape) >= least)
    return float(some)


def _strength(y: Values, shape: str) -> Values:
    """(..., layers) -> (...,): how well the shape fits, a bend beyond the best monotone curve."""
    fit = fits(y)
    if shape in ("rises", "falls"):
        return fit[shape]
    beyond: Values = fit[shape] - np.maximum(fit["rises"], fit["falls"])
    return beyond


@cache
def _orders(n: int) -> NDArray[np.int64]:
    """All orders of n layers, or some of them: (orders, n)."""
    if n <= ENUMERATED:
        return np.array(list(permutations(range(n))))
    rng = np.random.default_rng(n)
    return np.stack([np.arange(n), *(rng.permutation(n) for _ in range(ORDERS - 1))])


def _tau(y: Values) -> float:
    if np.ptp(y) == 0:
        return 0.0
    return float(kendalltau(np.arange(len(y)), y).statistic)
