"""Random numbers of a forward pass: torch's, numpy's and Python's, all from one seed, and all of them put back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

NUMPY_SEEDS = 2**32


def draw_from(seed: int) -> None:
    """Seed every global generator that a net may draw from; seed: any integer.

    >>> with kept_chance():
    ...     draw_from(7)
    ...     first = torch.rand(1)
    ...     draw_from(7)
    ...     bool(first == torch.rand(1))
    True
    """
    torch.default_generator.manual_seed(seed % 2**63)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(seed % 2**63)
    np.random.seed(seed % NUMPY_SEEDS)
    random.seed(seed)


@contextmanager
def kept_chance() -> Iterator[None]:
    """Afterwards the global generators go on where they stood before."""
    gpus = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    of_numpy, of_python = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices=gpus):
            yield
    finally:
        np.random.set_state(of_numpy)
        random.setstate(of_python)
