"""Batches that fit: what the memory does not hold is halved, and the rest of the count goes on with the half."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from ..data.batch import Batch
from ..data.replay import portions
from ..errors import OutOfMemoryError

T = TypeVar("T")


class Fitting:
    """The batch size with which one goes on, smaller after each pass that ran out of memory.

    size: examples of a batch at first. smallest: below which nothing is tried. said: whether each halving is printed on
    standard error.
    """

    def __init__(self, size: int, *, smallest: int = 1, said: bool = True) -> None:
        self.size, self._smallest, self._said = size, smallest, said

    def read(self, batch: Batch, read: Callable[[Batch], T]) -> Iterator[tuple[Batch, T]]:
        """The parts of a batch that fit, each with what `read` makes of it.

        Raises:
            OutOfMemoryError: not even a batch of the smallest size fits.
        """
        waiting = list(portions(batch, self.size, None))
        while waiting:
            part = waiting.pop(0)
            done = self._tried(part, read)
            if done is None:
                waiting = [smaller for each in (part, *waiting) for smaller in portions(each, self.size, None)]
            else:
                yield part, done[0]

    def _tried(self, part: Batch, read: Callable[[Batch], T]) -> tuple[T] | None:
        """What was read; None where the size is a smaller one now, and the part is to be cut."""
        try:
            return (read(part),)
        except OutOfMemoryError:
            if len(part.ids) <= self._smallest:
                raise
        self.halve(len(part.ids))  # out here, where the error no longer holds the pass's tensors
        return None

    def halve(self, failed: int) -> None:
        """Go on with half of the examples that did not fit."""
        self.size = max(self._smallest, failed // 2)
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()
        if self._said:
            print(f"{failed} examples at once do not fit in memory: going on with {self.size}", file=sys.stderr)
