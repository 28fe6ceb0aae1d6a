"""Whether a table of numbers looks made by a rule rather than learned."""

from __future__ import annotations

import torch
from torch import Tensor

EXACT = 1e-4  # of the largest value: what single precision leaves of a symmetry


def looks_designed(table: Tensor) -> bool:
    """Whether a table has a structure that no training leaves: a filter bank, a transform, a graph, a mask.

    All one value; rows that are each the same, or the opposite, read backwards (cosine transforms, Gabor and blur
    kernels); rows at right angles to one another (Fourier, Hadamard, wavelets); a symmetric square; nothing negative
    and half of it zero (mel bands, adjacency, pooling). A table drawn at random has none of these and counts as
    learned: random and learned numbers cannot be told apart by looking.

    >>> looks_designed(torch.ones(3, 3)), looks_designed(torch.tensor([[1.0, 2, 1], [-1, 0, 1]]))
    (True, True)
    >>> looks_designed(torch.tensor([[0.3, -0.2, 0.5], [0.1, 0.9, -0.4]]))
    False
    """
    x = table.detach().double().flatten(1) if not table.is_complex() else torch.view_as_real(table).double().flatten(1)
    if not x.numel() or not x.isfinite().all() or bool((x == x.flatten()[0]).all()):
        return True  # a mask, or a constant
    largest = x.abs().max()
    banded = bool((x >= 0).all()) and float((x == 0).double().mean()) >= 0.5
    return banded or any(_mirrored(rows, largest) for rows in (x, x.T)) or _orthogonal(x) or _symmetric(x, largest)


def _mirrored(rows: Tensor, largest: Tensor) -> bool:
    if rows.shape[1] < 3:
        return False
    back = rows.flip(1)
    same, opposite = ((rows - sign * back).abs().amax(1) <= EXACT * largest for sign in (1, -1))
    return bool((same | opposite).all())


def _orthogonal(x: Tensor) -> bool:
    rows = x if x.shape[0] <= x.shape[1] else x.T
    if rows.shape[0] < 3:
        return False
    gram = rows @ rows.T
    size = gram.diagonal().clamp_min(0).sqrt()
    return bool(((gram - gram.diagonal().diag()).abs() <= EXACT * torch.outer(size, size)).all())


def _symmetric(x: Tensor, largest: Tensor) -> bool:
    return x.shape[0] == x.shape[1] > 2 and bool(((x - x.T).abs() <= EXACT * largest).all())
