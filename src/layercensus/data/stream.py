"""Batches that the user has made: a list of them, or a stream that is read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError
from .batch import Batch, joined
from .form import Parts, as_batch, kind_of, parts, shapes
from .labels import Classes, Labels, as_classes, plain, same_length
from .reading import reading
from .replay import portions
from .source import Skip, Source, unique


class Batches(Source):
    """A list of batches in memory; ids count up unless the batches give them."""

    def __init__(self, data: Sequence[Any], labels: Labels | None, name: str) -> None:
        taken = [held for held in map(parts, data) if held.examples]
        if not taken:
            raise CensusError(f"data must hold at least one example. Got none in {name}.")
        self.data, self.name, self.length = taken, name, sum(held.examples for held in taken)
        self.kind = kind_of(taken[0].inputs)
        self._ids = unique(_numbered(taken))
        self._place = {id: (n, row) for n, row, id in self._places()}
        same = len({(str(shapes(held.inputs)), held.labels is None, held.mask is None) for held in taken}) == 1
        self.ids = self._ids if same else None
        self.about = _about(self, taken[0], labels) | {"examples": self.length}
        if labels is not None:
            self._label(labels)
        self._classes = Classes(sorted(_names(self.data)))
        self.class_names = self._classes.names or self.class_names

    def _label(self, labels: Labels) -> None:
        numbers, self.class_names = as_classes(labels)
        numbers = same_length(numbers, int(self.length or 0))
        cuts = np.cumsum([held.examples for held in self.data])[:-1]
        own = torch.tensor_split(numbers, cuts.tolist())
        self.data = [replace(held, labels=o) for held, o in zip(self.data, own, strict=True)]

    def _places(self) -> Iterator[tuple[int, int, str]]:
        ids = iter(self._ids)
        for n, held in enumerate(self.data):
            for row in range(held.examples):
                yield n, row, next(ids)

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        start = 0
        for held in self.data:
            batch = as_batch(held, self._ids[start : start + held.examples], self._classes)
            start += held.examples
            yield from portions(batch, size, skip)

    def pick(self, ids: Sequence[str]) -> Batch:
        if self.ids is None:
            return super().pick(ids)
        places = [self._place[id] for id in ids]
        found: list[Batch] = []
        order: list[int] = []
        for n in sorted({n for n, _ in places}):
            mine = [at for at, (number, _) in enumerate(places) if number == n]
            held = self.data[n]
            names = tuple(map(str, range(held.examples)))
            found.append(as_batch(held, names, self._classes).take(torch.tensor([places[at][1] for at in mine])))
            order += mine
        back = torch.tensor(order).argsort()
        batch = joined(found).take(back)
        return replace(batch, ids=tuple(ids))


class Stream(Source):
    """An iterable that is read from front to back, once; ids count up unless the batches give them.

    Its first batch is read at the start, to see what it holds, and is not lost.
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
        self.about = _about(self, self._first, labels)

    @property
    def class_names(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """The names of the classes met until now."""
        return self._given or self._classes.names

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        if self._started:
            raise CensusError(f"{self.name} can be read only once. Give a list or a Dataset to read it again.")
        self._started = True
        start, held = 0, self._first
        self._first = None
        while held is not None:
            ids = held.ids or tuple(str(start + i) for i in range(held.examples))
            yield from portions(as_batch(self._labelled(held, start), ids, self._classes), size, skip)
            start += held.examples
            held = self._next()
        if self._labels is not None:
            same_length(self._labels, start)

    def _next(self) -> Parts | None:
        """The next batch that holds an example."""
        while True:
            with reading(self.name):
                raw = next(self._coming, _End)
            if raw is _End:
                return None
            held = parts(raw)
            if held.examples:
                return held

    def _labelled(self, held: Parts, start: int) -> Parts:
        if self._labels is None:
            return held
        own = self._labels[start : start + held.examples]
        if len(own) < held.examples:
            raise CensusError(f"labels must have one entry for each example. Got {len(self._labels):,} for more.")
        return replace(held, labels=own)


class _End:
    """What a stream gives when it is over."""


def _about(source: Source, first: Parts, labels: Labels | None) -> dict[str, Any]:
    origin = "none" if first.labels is None else "in the data"
    return {
        "name": source.name, "kind": source.kind, "shape of an example": list(shapes(first.inputs)[0]),
        "values": first.how, "labels": origin if labels is None else "given beside the data",
    }  # fmt: skip


def _names(taken: Sequence[Parts]) -> set[str]:
    return {str(name) for held in taken if held.labels is not None and held.named for name in plain(held.labels)}


def _numbered(taken: Sequence[Parts]) -> list[str]:
    ids: list[str] = []
    for held in taken:
        ids += held.ids or map(str, range(len(ids), len(ids) + held.examples))
    return ids
