"""What chance alone gives: permutation p-values and the false discovery rate."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def benjamini_hochberg(p: Tensor, q: float) -> Tensor:
    """Which of the tests are discoveries at false discovery rate q (Benjamini & Hochberg 1995).

    p: (tests,) with nan where no test was made. Returned (tests,) bool.
    """
    tested = ~p.isnan()
    found = torch.zeros_like(p, dtype=torch.bool)
    sorted_p = p[tested].sort().values
    if len(sorted_p) == 0:
        return found
    line = q * torch.arange(1, len(sorted_p) + 1, dtype=p.dtype) / len(sorted_p)
    below = (sorted_p <= line).nonzero()
    if len(below):
        found[tested] = p[tested] <= sorted_p[below.max()]
    return found


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
    rounds = min(24, max(1, math.ceil(at_least / max(n - 1, 1))))
    spectrum = torch.fft.rfft(a, dim=0).conj()
    for turn in range(rounds):
        other = b if turn == 0 else b[torch.randperm(n, generator=generator)]
        shifted = torch.fft.irfft(spectrum * torch.fft.rfft(other, dim=0), n=n, dim=0)
        better += (shifted[1:] >= observed).sum(0)
    return (1 + better) / (1 + rounds * (n - 1))
