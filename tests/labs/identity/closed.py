"""What one layer learns from one picture, in closed form; gradient descent on the squared error ends there."""

from __future__ import annotations

import torch
from torch import Tensor


def full_layer(start: Tensor, x: Tensor) -> Tensor:
    """The weights to which gradient descent takes one full layer without a bias whose target is its own input.

    start: (d, d) weights at the beginning. x: (d,) the only training picture. W = P + W0 (I - P), P = x x' / |x|^2:
    along x the identity, off x as it began (Zhang et al. 2020, section 3).
    """
    projector = torch.outer(x, x) / (x @ x)
    return projector + start @ (torch.eye(len(x), dtype=x.dtype, device=x.device) - projector)


def full_layer_error(x: Tensor, z: Tensor, scale: float) -> float:
    """Expected squared error |f(z) - z|^2 of that layer for another picture z, its weights begun as N(0, scale^2).

    (d scale^2 + 1) |z off x|^2: it grows with what z does not share with x.
    """
    off = z - x * (x @ z) / (x @ x)
    return float((len(x) * scale**2 + 1) * (off @ off))


def convolution(start: Tensor, x: Tensor) -> Tensor:
    """The kernel to which gradient descent takes one convolution with one channel, without a bias.

    start: (k, k). x: (height, width), padded with zeros. w = Pi e + (I - Pi) w0, Pi the projector on the row space of
    the picture's patches, e the kernel that copies: the identity exactly where the patches have rank k^2.
    """
    patches = _patches(x, start.shape[0])
    _, sizes, rows = torch.linalg.svd(patches, full_matrices=False)
    kept = rows[sizes > sizes[0] * max(patches.shape) * torch.finfo(x.dtype).eps]
    delta = torch.zeros_like(start)
    delta[start.shape[0] // 2, start.shape[1] // 2] = 1
    change = kept.T @ (kept @ (delta - start).flatten())
    ended: Tensor = start + change.reshape(start.shape)
    return ended


def patch_rank(x: Tensor, kernel: int) -> int:
    """Rank of the picture's patches; kernel^2 where one convolution learns the identity exactly."""
    return int(torch.linalg.matrix_rank(_patches(x, kernel)))


def _patches(x: Tensor, kernel: int) -> Tensor:
    """(positions, kernel^2): what each position of a zero-padded convolution sees."""
    patches: Tensor = torch.nn.functional.unfold(x[None, None], kernel, padding=kernel // 2)
    return patches[0].T
