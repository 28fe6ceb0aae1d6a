"""A one-shot stream whose first examples are kept, so that they can be looked at before the count begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .batch import Batch
from .source import Source


class Replay(Source):
    """Gives the first examples as often as asked until the rest is read; then the stream is spent.

    reading ahead: at least `ahead` examples (or all there are) are held in memory until the count has passed them.
    """

    reusable = True

    def __init__(self, source: Source, ahead: int, size: int) -> None:
        self._rest = source.batches(size)
        self._head: list[Batch] = []
        seen = 0
        for batch in self._rest:
            self._head.append(batch)
            seen += len(batch.ids)
            if seen >= ahead:
                break
        self._source = source
        self.name, self.kind, self.length = source.name, source.kind, source.length
        self.ids, self.class_names = None, source.class_names

    @property
    def about(self) -> dict:  # type: ignore[override, type-arg]
        """What the stream says of itself, as far as it has been read."""
        return self._source.about

    def batches(self, size: int, skip: Callable[[str], bool] | None = None) -> Iterator[Batch]:
        """The kept batches, then what is left of the stream."""
        yield from self._head
        yield from self._rest
