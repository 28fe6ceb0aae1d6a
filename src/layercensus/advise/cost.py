"""What a net costs: parameters, FLOPs, and the time of a forward pass."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..data.batch import Batch
from ..layers.net import call
from ..layers.tap import tap

LEAST, MOST = 5, 25  # measurements of each net; from LEAST on until SECONDS are over
SECONDS = 2.0
FASTEST = 0.004  # seconds that a measurement takes at least, by repeating the pass


@dataclass(frozen=True)
class Cost:
    """Of one net on one batch."""

    parameters: int
    flops: int  # of one example: multiplications and additions, as torch counts them
    seconds: float  # of one forward pass of the batch, the median of several


def costs(nets: Sequence[nn.Module], batch: Batch) -> list[Cost]:
    """Of each net. Their passes take turns, so that a busy machine slows all of them."""
    times = _times(nets, batch)
    return [
        Cost(sum(p.numel() for p in net.parameters()), _flops(net, batch) // len(batch.ids), seconds)
        for net, seconds in zip(nets, times, strict=True)
    ]


def _flops(net: nn.Module, batch: Batch) -> int:
    with tap(net, ()), FlopCounterMode(display=False) as counter:
        call(net, batch.for_net(net))
    return int(counter.get_total_flops())


def _times(nets: Sequence[nn.Module], batch: Batch) -> list[float]:
    found: list[list[float]] = [[] for _ in nets]
    rounds = [max(1, int(FASTEST / max(_seconds(net, batch, 1), 1e-9))) for net in nets]
    end = time.perf_counter() + SECONDS
    while len(found[0]) < LEAST or (len(found[0]) < MOST and time.perf_counter() < end):
        for net, times, passes in zip(nets, found, rounds, strict=True):
            times.append(_seconds(net, batch, passes))
    return [statistics.median(times) for times in found]


def _seconds(net: nn.Module, batch: Batch, passes: int) -> float:
    """Of one of so many passes."""
    inputs = batch.for_net(net)
    with tap(net, ()):
        _wait()
        start = time.perf_counter()
        for _ in range(passes):
            call(net, inputs)
        _wait()
        return (time.perf_counter() - start) / passes


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
