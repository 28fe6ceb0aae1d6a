"""The next batch is read while a GPU works on the one before."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from ..data.batch import Batch, each

DEVICES = ("cuda",)  # that copy from pinned memory by themselves


def ahead(batches: Iterator[Batch], device: torch.device, *, own_code: bool) -> Iterator[Batch]:
    """The same batches, on a GPU each read in another thread and pinned, so that they are there when it is ready.

    own_code: whether nothing of the user's runs while they are read: that stays in the user's thread.
    """
    if own_code and device.type in DEVICES:
        yield from _in_a_thread(batches)
    else:
        yield from batches


def _in_a_thread(batches: Iterator[Batch]) -> Iterator[Batch]:
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(_pinned, batches)
        while (batch := coming.result()) is not None:
            coming = thread.submit(_pinned, batches)
            yield batch


def _pinned(batches: Iterator[Batch]) -> Batch | None:
    """The next batch in memory that a GPU can copy from by itself; None behind the last."""
    batch = next(batches, None)
    return None if batch is None else batch.with_inputs(each(batch.inputs, pinned))


def pinned(x: Tensor) -> Tensor:
    """A copy in pinned memory where there is a GPU."""
    return x.pin_memory() if torch.cuda.is_available() else x
