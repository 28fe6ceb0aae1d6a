"""What regularisers do to images and to their gradients; everything (images, channels, height, width)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def rms(x: Tensor) -> Tensor:
    """(images, 1, 1, 1) root mean square of each image."""
    return x.square().mean((1, 2, 3), keepdim=True).sqrt()


def unit(gradient: Tensor) -> Tensor:
    """Each image's gradient with a root mean square of 1, so that a step means the same for every unit; 0 stays 0."""
    return gradient / rms(gradient).clamp(min=1e-20) if gradient.numel() else gradient


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur; beyond the edges an image is mirrored."""
    if sigma < 0.05:
        return x
    return _along(_along(x, sigma, -1), sigma, -2)


def _along(x: Tensor, sigma: float, axis: int) -> Tensor:
    reach = min(max(1, math.ceil(3 * sigma)), x.shape[axis] - 1)
    if reach < 1:
        return x
    offsets = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, *((-1, 1) if axis == -2 else (1, -1)))
    edges = (0, 0, reach, reach) if axis == -2 else (reach, reach, 0, 0)
    flat = F.pad(x.flatten(0, 1).unsqueeze(1), edges, mode="reflect")
    return F.conv2d(flat, kernel).view_as(x)


def variation(x: Tensor) -> Tensor:
    """(images,): mean squared difference of neighbouring pixels, the total variation with exponent beta = 2."""
    down, right = x.diff(dim=2), x.diff(dim=3)
    return down.square().mean((1, 2, 3)) + right.square().mean((1, 2, 3))


def bilateral(x: Tensor, sigma: float, tone: float) -> Tensor:
    """Mean of neighbours near in place (`sigma` pixels) and colour (`tone`, on 0..1): edges stay (Tomasi 1998)."""
    reach = min(max(1, math.ceil(2 * sigma)), min(x.shape[-2:]) - 1)
    h, w = x.shape[-2:]
    padded = F.pad(x, (reach,) * 4, mode="reflect")
    total, weights = torch.zeros_like(x), x.new_zeros(x.shape[0], 1, h, w)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            other = padded[:, :, reach + dy : reach + dy + h, reach + dx : reach + dx + w]
            unlike = (other - x).square().sum(1, keepdim=True) / (2 * tone**2)
            weight = torch.exp(-unlike - (dy * dy + dx * dx) / (2 * sigma**2))
            total += other * weight
            weights += weight
    return total / weights


def pyramid(gradient: Tensor, levels: int) -> Tensor:
    """Every band of the gradient's Laplacian pyramid made equally strong, so that low frequencies count as much."""
    rest, bands = gradient, []
    for _ in range(levels - 1):
        if min(rest.shape[-2:]) < 4:
            break
        side = [math.ceil(n / 2) for n in rest.shape[-2:]]
        low = F.interpolate(blur(rest, 1.0), size=side, mode="bilinear", align_corners=False)
        bands.append(rest - F.interpolate(low, size=rest.shape[-2:], mode="bilinear", align_corners=False))
        rest = low
    out = unit(rest)
    for band in reversed(bands):
        out = F.interpolate(out, size=band.shape[-2:], mode="bilinear", align_corners=False) + unit(band)
    return unit(out)
