"""Memory of their own for the small tensors that outlive a forward pass, so that they cut no holes into the heap."""

from __future__ import annotations

import mmap
import threading

import torch
from torch import Tensor

SLAB = 4 * 2**20  # bytes that readings share; they live as long as the last of them
ALIGNED = 64  # bytes
_open = threading.local()


def kept(x: Tensor) -> Tensor:
    """A float32 copy, dense, that no later pass writes to: where x lies, or on the CPU, and there outside the heap.

    A reading that is put where a forward pass freed its scratch memory leaves that block too small for the next pass,
    which then gets a new one: a net whose convolutions need 120 MB of scratch grew by 120 MB a layer and pass.
    """
    if not on_host(x.device):
        return x.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    out = _room(x.numel()).view(x.shape)
    return out.copy_(x)


def set_aside(x: Tensor) -> Tensor:
    """A copy in the layout and precision of x, which on the CPU lies outside the heap, to be kept over many passes."""
    dense = type(x) is Tensor and x.layout is torch.strided and not x.is_quantized and _dense(x)
    if x.device.type != "cpu" or not dense or not x.numel():
        return x.clone()
    out: Tensor = _mapped(x.numel() * x.element_size())[: x.numel() * x.element_size()].view(x.dtype)
    return out.as_strided(x.shape, x.stride()).copy_(x)


def _dense(x: Tensor) -> bool:
    """Whether its numbers lie one after the other, in whatever order of dimensions."""
    return bool(torch.ops.aten.is_non_overlapping_and_dense(x))


def on_host(device: torch.device) -> bool:
    """Whether readings of tensors there are kept on the CPU: of its own, and of devices without float64 for sums."""
    return device.type in ("cpu", "mps")


def _room(numbers: int) -> Tensor:
    """(numbers,) float32, not initialised."""
    size = -(-4 * numbers // ALIGNED) * ALIGNED
    if 2 * size > SLAB:
        return _mapped(size)[: 4 * numbers].view(torch.float32)
    slab, at = getattr(_open, "slab", None), getattr(_open, "at", 0)
    if slab is None or at + size > SLAB:
        slab, at = _mapped(SLAB), 0
    _open.slab, _open.at = slab, at + size
    out: Tensor = slab[at : at + 4 * numbers].view(torch.float32)
    return out


def _mapped(size: int) -> Tensor:
    return torch.frombuffer(mmap.mmap(-1, max(size, ALIGNED)), dtype=torch.uint8)
