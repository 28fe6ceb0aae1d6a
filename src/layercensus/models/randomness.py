"""Random numbers with a seed of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock

import torch
from torch import nn

_lock = RLock()  # the generators are the process's own: threads take turns


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Torch's random numbers inside follow `seed` alone; afterwards its generators are as they were before."""
    gpus = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with _lock, torch.random.fork_rng(devices=gpus):
        if gpus:
            torch.manual_seed(seed)
        else:  # torch.manual_seed would reach forward to GPUs that are not in use yet
            torch.default_generator.manual_seed(seed)
        yield


def seeded(make: Callable[[], nn.Module]) -> Callable[[int], nn.Module]:
    """The same factory with a seed, leaving the global random state alone."""

    def fresh(seed: int) -> nn.Module:
        with own_randomness(seed):
            return make()

    return fresh
