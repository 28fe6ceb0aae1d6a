"""Data in which every content counts once: a copy of an example is no further evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from .batch import Batch
from .content import contents, glances
from .keys import key
from .replay import portions
from .seen import Seen, Table
from .source import Skip, Source

AT_ONCE = 256  # examples of data in memory whose contents are compared at a time


class Unique(Source):
    """Another source without the copies in it.

    Of data in memory everything is compared at the start, and of copies the one whose id comes first (shorter, then
    alphabetical) is kept, whatever the order. Of other data the first one read is kept; where a stream counts its
    examples up, those that are kept are counted.
    """

    def __init__(self, source: Source) -> None:
        self.source, self.seen = source, Seen()
        self.name, self.kind, self.prepare = source.name, source.kind, source.prepare
        self.special, self.structural, self.vocabulary = source.special, source.structural, source.vocabulary
        self.ids, self.length, self.reusable, self.own_code = (
            source.ids,
            source.length,
            source.reusable,
            source.own_code,
        )
        self.copies: Mapping[str, Any] = {}
        self._dropped: frozenset[str] = frozenset()
        self._before = 0  # examples that an earlier part of the same count has counted
        if source.in_memory:
            self._compare()

    @property
    def about(self) -> dict[str, Any]:  # type: ignore[override]
        """What the data say of themselves."""
        return self.source.about

    @property
    def class_names(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """The names of the classes met until now."""
        return self.source.class_names

    @property
    def learned(self) -> Seen | None:
        """What a later part of the same count must know of this one; None where it can see for itself."""
        return None if self.source.in_memory or self.ids is None else self.seen

    def resume(self, table: Table, counted: int) -> None:
        """Go on from an earlier part of the same count, which met these contents and counted so many examples.

        Its copies are read again and found again, what it counted is not.
        """
        self.seen.add(table)
        self._before = counted

    def words(self, tokens: Sequence[int]) -> list[str]:
        return self.source.words(tokens)

    def pick(self, ids: Sequence[str]) -> Batch:
        return self.source.pick(ids)

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        dropped = self._dropped
        if self.source.in_memory:
            if not dropped:
                yield from self.source.batches(size, skip)
            else:
                yield from self.source.batches(size, lambda id: id in dropped or (skip is not None and skip(id)))
            return
        yield from self._sifted(size, skip)

    def _sifted(self, size: int, skip: Skip) -> Iterator[Batch]:
        """Read on, leaving out copies of what was read; a stream is read whole, so that every shard knows all of it."""
        whole = self.ids is None
        read = kept = 0
        before = 0 if whole else self._before
        self.copies = {}
        for batch in self.source.batches(size, None if whole else skip):
            owners = zip(contents(batch), map(key, batch.ids), strict=True)
            rows = [row for row, (content, own) in enumerate(owners) if self.seen.owner(content, own) == own]
            read += len(batch.ids)
            if len(rows) < len(batch.ids):
                batch = batch.take(torch.tensor(rows, dtype=torch.int64))
            if whole and self.source.counts_up:
                batch = replace(batch, ids=tuple(str(kept + n) for n in range(len(rows))))
            kept += len(rows)
            self.copies = _copies(read - kept, before + read, whole)
            yield from portions(batch, size, skip if whole else None)

    def _compare(self) -> None:
        """Find all copies in data in memory."""
        glanced: dict[int, list[str]] = {}
        read = 0
        for batch in self.source.batches(AT_ONCE):
            read += len(batch.ids)
            for glance, id in zip(glances(batch), batch.ids, strict=True):
                glanced.setdefault(glance, []).append(id)
        alike = {id for ids in glanced.values() if len(ids) > 1 for id in ids}
        first: dict[int, str] = {}
        dropped: list[str] = []
        for batch in self.source.batches(AT_ONCE, lambda id: id not in alike) if alike else ():
            for content, id in zip(contents(batch), batch.ids, strict=True):
                other = first.setdefault(content, id)
                if other != id:
                    kept, copy = sorted((other, id), key=lambda id: (len(id), id))
                    first[content] = kept
                    dropped.append(copy)
        self._dropped = frozenset(dropped)
        self.copies = _copies(len(dropped), read, True)
        if dropped and self.ids is not None:
            self.ids = tuple(id for id in self.ids if id not in self._dropped)
        if dropped and self.length is not None:
            self.length -= len(dropped)


def _copies(dropped: int, read: int, of_all: bool) -> dict[str, Any]:
    """As provenance: how many copies there were among how many examples, of all the data or of this shard."""
    return {"copies": dropped, "read": read, "of_all": of_all} if dropped else {}
