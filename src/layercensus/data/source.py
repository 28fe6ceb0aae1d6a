"""What every kind of data looks like to the count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import CensusError
from .batch import Batch

Skip = Callable[[str], bool] | None


class Source:
    """Examples with stable ids, in batches.

    name: what the user called it. kind: "images" (channels, height, width), "signals" (channels, length), "arrays"
    (features,) or "tokens": decides the default views. length and ids are None where they are not known before reading.
    about: provenance as JSON.
    """

    name: str
    kind: str
    length: int | None = None
    ids: Sequence[str] | None = None
    class_names: tuple[str, ...] | None = None
    reusable: bool = True  # whether batches() can be called again
    about: dict[str, Any]

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        """All examples in the data's own order, at most `size` at a time; ids for which skip is true are left out."""
        ids = [id for id in self.ids or () if skip is None or not skip(id)]
        for start in range(0, len(ids), size):
            yield self.pick(ids[start : start + size])

    def pick(self, ids: Sequence[str]) -> Batch:
        """These examples in this order, where ids are known before reading."""
        raise CensusError(f"{self.name} can only be read from front to back.")
