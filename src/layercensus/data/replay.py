"""A one-shot stream whose first examples are kept, so that they can be read before the count begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from ..errors import CensusError
from .batch import Batch
from .source import Skip, Source


class Replay(Source):
    """Gives the first `ahead` examples as often as asked until the rest is read; then the stream is spent.

    `peek` ends there, so that what is learned from it does not depend on the batch size.
    """

    def __init__(self, source: Source, ahead: int, size: int) -> None:
        self._source, self._ahead = source, ahead
        self._rest = source.batches(size)
        self._head: list[Batch] = []
        self._spent = False
        while sum(len(batch.ids) for batch in self._head) < ahead:
            batch = next(self._rest, None)
            if batch is None:
                break
            self._head.append(batch)
        self.name, self.kind, self.length = source.name, source.kind, source.length

    @property
    def about(self) -> dict[str, Any]:  # type: ignore[override]
        """What the stream says of itself, as far as it has been read."""
        return self._source.about

    @property
    def copies(self) -> Mapping[str, Any]:  # type: ignore[override]
        """How many copies the stream has left out until now."""
        return self._source.copies

    @property
    def reusable(self) -> bool:  # type: ignore[override]
        """Whether everything can still be read again: only until the stream is past the kept examples."""
        return not self._spent

    @property
    def class_names(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """The names of the classes met until now."""
        return self._source.class_names

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        """The kept batches, then what is left of the stream.

        Raises:
            CensusError: when the rest has been read before.
        """
        if self._spent:
            raise CensusError(f"{self.name} can be read only once. Give a list or a Dataset to read it again.")
        for batch in self._head:
            yield from portions(batch, size, skip)
        for batch in self._rest:
            self._spent = True
            yield from portions(batch, size, skip)

    def peek(self, examples: int, size: int = 64) -> Iterator[Batch]:
        left = min(examples, self._ahead)
        for batch in self._head:
            yield from portions(batch.first(left), size, None)
            left -= len(batch.ids)
            if left <= 0:
                return


def portions(batch: Batch, size: int, skip: Skip) -> Iterator[Batch]:
    """The batch without skipped examples, at most `size` at a time."""
    if skip is not None:
        wanted = [row for row, id in enumerate(batch.ids) if not skip(id)]
        batch = batch.take(torch.tensor(wanted, dtype=torch.int64)) if len(wanted) < len(batch.ids) else batch
    if len(batch.ids) <= size:
        if batch.ids:
            yield batch
        return
    for start in range(0, len(batch.ids), size):
        yield batch.take(torch.arange(start, min(start + size, len(batch.ids))))
