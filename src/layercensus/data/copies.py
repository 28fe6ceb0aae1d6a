"""Data in which every content counts once: a copy of an example is no further evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha1
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .batch import Batch, tensors
from .keys import key
from .replay import portions
from .source import Skip, Source

AT_ONCE = 256  # examples of data in memory whose contents are compared at a time
RECENT = 65_536  # contents in a dict before they move to the sorted table, which takes 16 bytes each


def contents(batch: Batch) -> list[int]:
    """A 64-bit hash of what the net is given of each example; padding behind its last token does not count.

    Cost: one pass over the bytes, about a millisecond a megabyte.
    """
    columns = [x.detach().cpu().contiguous() for x in tensors(batch.inputs)]
    lengths = None if batch.mask is None else _lengths(batch.mask)
    return [_content(columns, row, batch.mask, lengths) for row in range(len(batch.ids))]


def _content(columns: Sequence[Tensor], row: int, mask: Tensor | None, lengths: list[int] | None) -> int:
    digest = sha1(usedforsecurity=False)
    for column in columns:
        part = column[row]
        if mask is not None and lengths is not None and column.ndim > 1 and column.shape[1] == mask.shape[1]:
            part = part[: lengths[row]]
        digest.update(f"{tuple(part.shape)}|".encode())
        digest.update(part.reshape(-1).contiguous().view(torch.uint8).numpy().data)
    if mask is not None and lengths is not None:
        digest.update(mask[row, : lengths[row]].contiguous().view(torch.uint8).numpy().data)
    return int.from_bytes(digest.digest()[:8], "little", signed=True)


def _lengths(mask: Tensor) -> list[int]:
    """Positions of each example up to the last that counts."""
    last = (mask * torch.arange(1, mask.shape[1] + 1)).amax(1) if mask.shape[1] else torch.zeros(len(mask))
    return [int(n) for n in last]


class Seen:
    """Which contents were met, and the key of the example that each belongs to."""

    def __init__(self) -> None:
        self._content: NDArray[np.int64] = np.zeros(0, dtype=np.int64)  # sorted
        self._key: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._recent: dict[int, int] = {}

    def owner(self, content: int, key: int) -> int:
        """The key of the first example of this content, which is this one where it is new."""
        place = int(np.searchsorted(self._content, content))
        if place < len(self._content) and self._content[place] == content:
            return int(self._key[place])
        owner = self._recent.setdefault(content, key)
        if len(self._recent) >= RECENT:
            self.table()
        return owner

    def table(self) -> NDArray[np.int64]:
        """(contents, 2) int64: each content with its key, sorted."""
        if self._recent:
            new = np.array(list(self._recent.items()), dtype=np.int64)
            self.add(new)
            self._recent = {}
        return np.stack([self._content, self._key], 1)

    def add(self, table: NDArray[np.int64]) -> None:
        """Remember what the table of an earlier count holds."""
        content, first = np.unique(np.concatenate([self._content, table[:, 0]]), return_index=True)
        self._content, self._key = content, np.concatenate([self._key, table[:, 1]])[first]


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
        self.ids, self.length, self.reusable = source.ids, source.length, source.reusable
        self.copies: Mapping[str, Any] = {}
        self._dropped: frozenset[str] = frozenset()
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
        self.copies = {}
        for batch in self.source.batches(size, None if whole else skip):
            owners = zip(contents(batch), map(key, batch.ids), strict=True)
            rows = [row for row, (content, own) in enumerate(owners) if self.seen.owner(content, own) == own]
            read += len(batch.ids)
            if len(rows) < len(batch.ids):
                batch = batch.take(torch.tensor(rows, dtype=torch.int64))
            if whole and self.source.counts_up:
                batch = Batch(batch.inputs, tuple(str(kept + n) for n in range(len(rows))), batch.labels, batch.mask)
            kept += len(rows)
            self.copies = _copies(read - kept, read, whole)
            yield from portions(batch, size, skip if whole else None)

    def _compare(self) -> None:
        """Find all copies in data in memory."""
        first: dict[int, str] = {}
        read = 0
        dropped: list[str] = []
        for batch in self.source.batches(AT_ONCE):
            read += len(batch.ids)
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
