"""What every kind of data looks like to the count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..errors import CensusError
from ..models.prepare import Prepare
from .batch import Batch

Skip = Callable[[str], bool] | None


class Source:
    """Examples with stable ids, in batches.

    name: what the user called it. kind: "images" (channels, height, width), "signals" (channels, length), "arrays"
    (features,) or "tokens": decides the default views. length and ids are None where they are not known before reading.
    about: provenance as JSON. special, structural, vocabulary: of tokens, where they are known.
    """

    name: str
    kind: str
    length: int | None = None
    ids: Sequence[str] | None = None
    class_names: tuple[str, ...] | None = None
    reusable: bool = True  # whether batches() can be called again
    in_memory: bool = False  # whether reading everything costs next to nothing
    own_code: bool = False  # whether nothing of the user's runs while it is read, so that another thread may do it
    counts_up: bool = False  # whether ids only count examples as they come
    copies: Mapping[str, Any] = MappingProxyType({})  # how many were left out, where the source knows copies
    about: dict[str, Any]
    special: frozenset[int] = frozenset()  # tokens that no random replacement may be
    structural: frozenset[int] = frozenset()  # tokens that the model itself adds: neither counted nor replaced
    vocabulary: int | None = None  # token ids are below it
    prepare: Prepare | None = None  # what was done to each example

    def words(self, tokens: Sequence[int]) -> list[str]:
        """These token ids as a reader knows them."""
        return [str(token) for token in tokens]

    def rows(self) -> tuple[Sequence[int], int]:
        """Which entry of what is given beside the data belongs to each of `ids`, and how many entries there must be."""
        return range(len(self.ids or ())), len(self.ids or ())

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        """All examples in the data's own order, at most `size` at a time; ids for which skip is true are left out."""
        ids = [id for id in self.ids or () if skip is None or not skip(id)]
        for start in range(0, len(ids), size):
            yield self.pick(ids[start : start + size])

    def pick(self, ids: Sequence[str]) -> Batch:
        """These examples in this order, where ids are known before reading."""
        raise CensusError(f"{self.name} can only be read from front to back.")

    def peek(self, examples: int, size: int = 64) -> Iterator[Batch]:
        """The first `examples` examples, or as many as there are or are kept; reading them loses none."""
        left = examples
        for batch in self.batches(min(size, examples)):
            yield batch.first(left)
            left -= len(batch.ids)
            if left <= 0:
                return

    def first(self, n: int) -> Batch:
        """The first examples that can be read, at least one and at most n.

        Raises:
            CensusError: when there is none.
        """
        for batch in self.peek(n, n):
            if batch.ids:
                return batch
        raise CensusError(f"data must hold at least one example. Got none from {self.name}.")


def unique(ids: Sequence[str]) -> tuple[str, ...]:
    """The ids, when no two are the same."""
    if len(set(ids)) < len(ids):
        known: set[str] = set()
        twice = next(id for id in ids if id in known or known.add(id))  # type: ignore[func-returns-value]
        raise CensusError(f"Example ids must be unique. Got {twice!r} twice.")
    return tuple(ids)
