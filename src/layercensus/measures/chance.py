"""What chance alone gives: permutation p-values and the false discovery rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from scipy.stats import false_discovery_control
from torch import Tensor

from .by_units import EACH, by_units

PAIRINGS = 4000  # random pairings of the null, as far as the examples allow
MOST = 50_000  # permutations; among more than some 2,000 tests a single discovery is not detectable


def discoveries(p: Tensor, q: float) -> Tensor:
    """Which of the tests are discoveries at false discovery rate q (Benjamini & Hochberg 1995).

    p: (tests,) with nan where no test was made. Returned (tests,) bool.
    """
    tested = ~p.isnan()
    significant = torch.zeros_like(p, dtype=torch.bool)
    if bool(tested.any()):
        significant[tested] = torch.from_numpy(false_discovery_control(p[tested].double().numpy()) <= q)
    return significant


def detectable(p: Tensor, q: float, finer: Callable[[Tensor, int], Tensor]) -> Tensor:
    """The p-values, those at the floor drawn anew with as many permutations as `discoveries` needs to detect one.

    A permutation p cannot be below 1 / (1 + permutations), so few discoveries among a thousand tests would be missed.
    finer: (tests to draw anew, permutations) -> their p-values; it is called for few tests only, or not at all.
    """
    tests = int((~p.isnan()).sum())
    if tests == 0:
        return p
    floor = float(p[~p.isnan()].min())
    lowest = (p == floor).nonzero().flatten()
    if floor <= q * len(lowest) / tests:
        return p
    redrawn = p.clone()
    redrawn[lowest] = finer(lowest, min(math.ceil(1.2 * tests / q), MOST)).to(p.dtype)
    return redrawn


def views_p(a: Tensor, b: Tensor, units: Tensor, *, q: float, seed: int) -> Tensor:
    """P-values of the agreement of two views, fine enough for the false discovery rate q: (chosen,).

    a, b: (examples, units); units: (chosen,) int64, those that are asked, some of which are copied at a time.
    """
    if not len(units):
        return torch.zeros(0)

    def of(some: Tensor, at_least: int) -> Tensor:
        return pairing_p(*_centred(a[:, some], b[:, some]), at_least=at_least, seed=seed)

    p = by_units(lambda some: of(some[0], PAIRINGS), units[None], each=EACH * len(a))
    return detectable(p, q, lambda few, n: of(units[few], n))


def _centred(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both less the mean of both, float32."""
    middle = (a.double().mean(0) + b.double().mean(0)) / 2
    return (a - middle).float(), (b - middle).float()


def pairing_p(a: Tensor, b: Tensor, *, at_least: int, seed: int) -> Tensor:
    """P-value of each unit's agreement between two views, against views of other examples.

    a, b: (examples, units), already centred. The null pairs example i with example i+s of a random order, for every
    shift s: all of them come from one FFT, so thousands of permutations cost as much as a few. Returned (units,),
    (1 + permutations at least as good) / (1 + permutations).
    """
    n, units = a.shape
    observed = (a * b).sum(0) * (1 - 1e-6)
    generator = torch.Generator().manual_seed(seed)
    better = torch.zeros(units)
    rounds = max(1, math.ceil(at_least / max(n - 1, 1)))
    spectrum = torch.fft.rfft(a, dim=0).conj()
    for number in range(rounds):
        other = b if number == 0 else b[torch.randperm(n, generator=generator)]
        shifted = torch.fft.irfft(spectrum * torch.fft.rfft(other, dim=0), n=n, dim=0)
        better += (shifted[1:] >= observed).sum(0)
    return (1 + better) / (1 + rounds * (n - 1))
