"""The memory format in which a net is faster on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .modes import evaluating
from .net import call

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
EXAMPLES = 8  # of the inputs, that are timed
ROUNDS = 3  # of one pass in each format; the first warms up
LARGE = 64  # pixels a side
BUDGET = 2.0  # seconds, after which no further round is begun


def pick_format(net: nn.Module, inputs: Any) -> tuple[str, dict[str, float]]:
    """ "channels_last" or "contiguous", whichever ran faster, with the seconds of the best pass of each.

    Nets without two-dimensional convolutions, and inputs that are not images on the CPU, stay "contiguous" untimed.
    The net is left as it is. The formats take turns, so that a busy machine slows both. Cost: three passes of at most
    eight examples in each, no round beyond two seconds.
    """
    images = isinstance(inputs, Tensor) and inputs.ndim == 4 and inputs.is_floating_point() and inputs.is_cpu
    if not images or not any(isinstance(m, nn.Conv2d) for m in net.modules()):
        return "contiguous", {}
    seconds = dict.fromkeys(FORMATS, float("inf"))
    end = time.perf_counter() + BUDGET
    for _ in range(ROUNDS):
        for name in FORMATS:
            seconds[name] = min(seconds[name], _seconds(net, inputs[:EXAMPLES], name))
        if time.perf_counter() + sum(seconds.values()) > end:
            break
    return min(seconds, key=lambda name: seconds[name]), seconds


def format_of(inputs: Any) -> str:
    """The usually faster format for inputs like these: channels-last for images of LARGE pixels and more on a CPU.

    Not by timing, since rounding differs between the formats: for where the same seed must give the same result.

    >>> format_of(torch.zeros(1, 3, 64, 64)), format_of(torch.zeros(1, 3, 8, 8))
    ('channels_last', 'contiguous')
    """
    large = isinstance(inputs, Tensor) and inputs.ndim == 4 and inputs.is_cpu and min(inputs.shape[2:]) >= LARGE
    return "channels_last" if large else "contiguous"


def in_words(name: str, seconds: dict[str, float]) -> str:
    """Which memory format was used, and how much faster it was than the other.

    >>> in_words("channels_last", {"channels_last": 0.2, "contiguous": 0.5})
    'channels last (2.5 times faster here than the other)'
    """
    text = name.replace("_", " ")
    if len(seconds) < 2 or min(seconds.values()) <= 0:
        return text
    return f"{text} ({max(seconds.values()) / min(seconds.values()):.1f} times faster here than the other)"


def _seconds(net: nn.Module, inputs: Tensor, name: str) -> float:
    with memory_format(net, name), evaluating(net):
        x = inputs.contiguous(memory_format=FORMATS[name])
        start = time.perf_counter()
        call(net, x)
        return time.perf_counter() - start


@contextmanager
def memory_format(net: nn.Module, name: str) -> Iterator[None]:
    """The net's convolutions in this format as long as the block lasts; afterwards the very tensors that they had.

    name: one of FORMATS.
    """
    own = {parameter: parameter.data for parameter in net.parameters() if parameter.ndim == 4}
    try:
        for parameter, data in own.items():
            parameter.data = data.contiguous(memory_format=FORMATS[name])
        yield
    finally:
        for parameter, data in own.items():
            parameter.data = data
