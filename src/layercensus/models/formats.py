"""The memory format in which a net is faster on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .modes import watched
from .nets import call

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def pick_format(net: nn.Module, inputs: Any) -> tuple[str, dict[str, float]]:
    """ "channels_last" or "contiguous", whichever ran faster, with the best of two timed passes of each in seconds.

    Nets without two-dimensional convolutions, and inputs that are no images, stay "contiguous" untimed.
    """
    images = isinstance(inputs, Tensor) and inputs.ndim == 4
    if not images or not any(isinstance(m, nn.Conv2d) for m in net.modules()):
        return "contiguous", {}
    seconds = {name: _seconds(net, inputs, name) for name in FORMATS}
    return min(seconds, key=lambda name: seconds[name]), seconds


def _seconds(net: nn.Module, inputs: Tensor, name: str) -> float:
    with memory_format(net, name), watched(net):
        x = inputs.to(memory_format=FORMATS[name])
        call(net, x)
        return min(_once(net, x) for _ in range(2))


def _once(net: nn.Module, x: Tensor) -> float:
    start = time.perf_counter()
    call(net, x)
    return time.perf_counter() - start


@contextmanager
def memory_format(net: nn.Module, name: str) -> Iterator[None]:
    """The net's weights in this format as long as the block lasts; afterwards with the very tensors that they had."""
    if name == "contiguous":
        yield
        return
    held = {p: p.data for p in net.parameters() if p.ndim == 4}
    try:
        for p, data in held.items():
            p.data = data.contiguous(memory_format=FORMATS[name])
        yield
    finally:
        for p, data in held.items():
            p.data = data
