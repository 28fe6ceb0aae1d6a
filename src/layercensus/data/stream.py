"""User-supplied batches: a list of them, or a stream that is read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError
from .batch import Batch, joined
from .form import Parts, as_batch, kind_of, numbers_of, parts, shapes
from .labels import Classes, Labels, as_classes, same_length
from .reading import reading
from .replay import portions
from .source import Skip, Source, unique
from .user_code import user_code


class Batches(Source):
    """A list of batches in memory; ids count up unless the batches give them."""

    in_memory = True

    def __init__(self, data: Sequence[Any], labels: Labels | None, name: str) -> None:
        batches = [batch for batch in map(parts, data) if batch.examples]
        if not batches:
            raise CensusError(f"data must hold at least one example. Got none in {name}.")
        self.data, self.name, self.length = batches, name, sum(batch.examples for batch in batches)
        self.kind = kind_of(batches[0].inputs)
        self._ids = unique(_numbered(batches))
        self._where = {id: (n, row) for n, row, id in self._numbered_rows()}
        same = (
            len(
                {
                    (str(shapes(batch.inputs)), batch.labels is None, batch.mask is None, batch.groups is None)
                    for batch in batches
                }
            )
            == 1
        )
        self.ids = self._ids if same else None
        self.about = _about(self, batches[0], labels) | {"examples": self.length}
        if labels is not None:
            self._label(labels)
        self._classes = Classes(sorted(_names(self.data)))
        self.class_names = self._classes.names or self.class_names
        self._numbers = [numbers_of(batch, self._classes) for batch in self.data]
        self.data = [replace(batch, labels=None) for batch in self.data]

    def _label(self, labels: Labels) -> None:
        numbers, self.class_names = as_classes(labels)
        numbers = same_length(numbers, int(self.length or 0))
        ends = np.cumsum([batch.examples for batch in self.data])[:-1]
        own = torch.tensor_split(numbers, ends.tolist())
        self.data = [replace(batch, labels=o) for batch, o in zip(self.data, own, strict=True)]

    def _numbered_rows(self) -> Iterator[tuple[int, int, str]]:
        ids = iter(self._ids)
        for n, batch in enumerate(self.data):
            for row in range(batch.examples):
                yield n, row, next(ids)

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        start = 0
        for batch, labels in zip(self.data, self._numbers, strict=True):
            ready = as_batch(batch, self._ids[start : start + batch.examples], self._classes)
            start += batch.examples
            yield from portions(replace(ready, labels=labels), size, skip)

    def pick(self, ids: Sequence[str]) -> Batch:
        if self.ids is None:
            return super().pick(ids)
        where: dict[int, list[str]] = {}
        for id in ids:
            where.setdefault(self._where[id][0], []).append(id)
        batch = joined([self._picked(n, there) for n, there in where.items()])
        place = {id: row for row, id in enumerate(batch.ids)}
        return batch.take(torch.tensor([place[id] for id in ids]))

    def _picked(self, n: int, ids: Sequence[str]) -> Batch:
        """These examples of one batch; nothing of the others is looked at."""
        rows = torch.tensor([self._where[id][1] for id in ids])
        batch, labels = as_batch(self.data[n].take(rows), tuple(ids), self._classes), self._numbers[n]
        return batch if labels is None else replace(batch, labels=labels[rows])


class Stream(Source):
    """An iterable that is read from front to back, once; ids count up unless the batches give them.

    Its first batch is read at the start, to learn its form, and is not lost.
    """

    reusable = False

    def __init__(self, data: Iterable[Any], labels: Labels | None, name: str) -> None:
        self.name, self._coming, self._started = name, iter(data), False
        self._classes = Classes()
        self._labels: Tensor | None = None
        self._given: tuple[str, ...] | None = None
        if labels is not None:
            self._labels, self._given = as_classes(labels)
        self._first = self._next()
        if self._first is None:
            raise CensusError(f"data must hold at least one example. Got none from {name}.")
        self.kind = kind_of(self._first.inputs)
        self.counts_up = self._first.ids is None
        self.about = _about(self, self._first, labels)

    @property
    def class_names(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """The names of the classes met until now."""
        return self._given or self._classes.names

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        if self._started:
            raise CensusError(f"{self.name} can be read only once. Give a list or a Dataset to read it again.")
        self._started = True
        start, parsed = 0, self._first
        self._first = None
        while parsed is not None:
            ids = parsed.ids or tuple(str(start + i) for i in range(parsed.examples))
            yield from portions(as_batch(self._labelled(parsed, start), ids, self._classes), size, skip)
            start += parsed.examples
            parsed = self._next()
        if self._labels is not None:
            same_length(self._labels, start)

    def _next(self) -> Parts | None:
        """The next batch that holds an example."""
        while True:
            with reading(self.name):
                with user_code():
                    raw = next(self._coming, _End)
            if raw is _End:
                return None
            parsed = parts(raw)
            if parsed.examples:
                return parsed

    def _labelled(self, parsed: Parts, start: int) -> Parts:
        if self._labels is None:
            return parsed
        own = self._labels[start : start + parsed.examples]
        if len(own) < parsed.examples:
            raise CensusError(f"labels must have one entry for each example. Got {len(self._labels):,} for more.")
        return replace(parsed, labels=own)


class _End:
    """What a stream gives when it is over."""


def _about(source: Source, first: Parts, labels: Labels | None) -> dict[str, Any]:
    origin = "none" if first.labels is None else "in the data"
    return {
        "name": source.name, "kind": source.kind, "shape of an example": list(shapes(first.inputs)[0]),
        "values": first.how, "labels": origin if labels is None else "given beside the data",
    } | ({"groups": "in the data"} if first.groups is not None else {})  # fmt: skip


def _names(batches: Sequence[Parts]) -> set[str]:
    return {name for batch in batches for name in batch.names or ()}


def _numbered(batches: Sequence[Parts]) -> list[str]:
    ids: list[str] = []
    for batch in batches:
        ids += batch.ids or map(str, range(len(ids), len(ids) + batch.examples))
    return ids
