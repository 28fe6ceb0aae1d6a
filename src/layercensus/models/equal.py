"""Whether two tensors hold the same numbers, so that one may be a copy of the other."""

from __future__ import annotations

import torch
from torch import Tensor


def same_numbers(a: Tensor, b: Tensor | None) -> bool:
    """Equal to rounding, and not all one value: a constant holds nothing that was learned.

    >>> a = torch.arange(3.0)
    >>> same_numbers(a, a.double()), same_numbers(a, a + 1), same_numbers(torch.ones(3), torch.ones(3))
    (True, False, False)
    """
    if b is None or a.shape != b.shape or not a.numel():
        return False
    a, b = (t.detach() for t in (a, b.to(a.device, a.dtype)))
    a, b = (t.to_dense() if t.layout is not torch.strided else t for t in (a, b))
    if any(not bool((t != t.flatten()[:1]).any()) for t in (a, b)):
        return False
    rounded = a.is_floating_point() or a.is_complex()
    return torch.equal(a, b) or (rounded and torch.allclose(a, b, rtol=1e-5, atol=1e-6 * float(a.abs().max())))
