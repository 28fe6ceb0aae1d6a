"""Whether two units agree in more examples than chance lets some pair of a layer's units agree in."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

FEW = 12  # examples that carry a unit, from which on no two of even 100,000 units share most by chance
CHANCE = 0.05  # that any pair of the layer agrees so by chance
AT_ONCE = 2**24  # numbers held at once


def carriers(standard: Tensor, examples: int) -> Tensor:
    """How many examples carry each unit's variance: (sum v)^2 / sum v^2 of their parts v; infinite for a still unit.

    standard: (rows, units) of columns with mean 0 and length 1, the rows of an example in one piece.
    """
    part = _by_example(standard.square(), examples)
    return torch.where(part.amax(0) > 0, _effective(part), torch.inf)


def enough(form: Callable[[Tensor], Tensor], carried: Tensor, examples: int, i: Tensor, j: Tensor) -> Tensor:
    """Whether pairs of units agree in so many examples that chance would give no such pair: (pairs,) bool.

    form: some of the units -> their standardised rows. carried: (units,), their `carriers`. Two units carried by a and
    b of n examples share m given ones with chance C(a, m) C(b, m) / C(n, m) at most; that chance, times the pairs of
    the layer, must be below 5 %.
    """
    if not len(i):
        return torch.zeros(0, dtype=torch.bool)
    step = max(1, AT_ONCE // len(form(i[:1])))
    blocks = zip(torch.split(i, step), torch.split(j, step), strict=True)
    parts = [_by_example(form(p) * form(q), examples) for p, q in blocks]
    a, b = carried[i], carried[j]
    m = torch.minimum(torch.cat([_effective(part) for part in parts]), torch.minimum(a, b))
    chance = _choose(a, m) + _choose(b, m) - _choose(torch.full_like(m, float(examples)), m)
    pairs = len(carried) * (len(carried) - 1) / 2
    return chance + math.log(max(1.0, pairs)) <= math.log(CHANCE)


def _by_example(rows: Tensor, examples: int) -> Tensor:
    return rows.view(examples, len(rows) // examples, rows.shape[1]).sum(1)


def _effective(part: Tensor) -> Tensor:
    return part.sum(0).square() / part.square().sum(0).clamp(min=1e-30)


def _choose(n: Tensor, m: Tensor) -> Tensor:
    """log C(n, m), also between integers."""
    return torch.lgamma(n + 1) - torch.lgamma(m + 1) - torch.lgamma((n - m).clamp(min=0) + 1)
