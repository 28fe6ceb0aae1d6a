"""Map-style Datasets, on their own or behind a DataLoader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, TensorDataset

from ..errors import CensusError
from .batch import Batch
from .collate import Collate, collate_examples, own_way
from .form import Parts, as_batch, kind_of, parts, shapes
from .labels import Classes, Labels, as_classes, same_length
from .reading import one_line, reading
from .source import Skip, Source, unique
from .user_code import user_code

WORKER_OPTIONS = ("num_workers", "timeout", "worker_init_fn", "multiprocessing_context")
SURVEY = 64  # examples at a time


class Rows(Source):
    """A Dataset with rows; ids are its row numbers, whatever order a loader has, unless its items are dicts with ids.

    Where items carry names as labels, or ids, all of them are read once at the start to learn these.
    """

    def __init__(
        self, data: Any, rows: Sequence[Any], labels: Labels | None, name: str, *, collate: Collate = collate_examples,
        workers: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        if len(rows) == 0:
            raise CensusError(f"data must hold at least one example. Got none in {name}.")
        self.data, self.collate, self.workers = data, collate, workers or {}
        self.in_memory = isinstance(data, (TensorDataset, list)) and not self.workers
        self.name, self.length, self._rows = name, len(rows), tuple(rows)
        self._classes = Classes()
        self._labels: Tensor | None = None  # (rows of the Dataset,) int64
        if labels is not None:
            numbers, self.class_names = as_classes(labels)
            self._labels = same_length(numbers, len(data))
        first = self._parts(rows[:1])
        self.kind = kind_of(first.inputs)
        origin = "none" if first.labels is None else "in the data"
        self.about = {
            "name": name, "kind": self.kind, "examples": self.length,
            "shape of an example": list(shapes(first.inputs)[0]), "values": first.how,
            "labels": "given beside the data" if labels is not None else origin,
        } | ({"groups": "in the data"} if first.groups is not None else {})  # fmt: skip
        self.ids = tuple(map(str, rows))
        if first.ids is not None or (first.names is not None and labels is None):
            self._survey()
        self._row = dict(zip(unique(self.ids), rows, strict=True))

    def pick(self, ids: Sequence[str]) -> Batch:
        rows = [self._row[id] for id in ids]
        return self._batch(self._parts(rows), rows, ids)

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        wanted = [(id, row) for id, row in self._row.items() if skip is None or not skip(id)]
        chunks = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        for chunk, parsed in zip(chunks, self._loaded([[row for _, row in chunk] for chunk in chunks]), strict=True):
            yield self._batch(parsed, [row for _, row in chunk], [id for id, _ in chunk])

    def _parts(self, rows: Sequence[Any]) -> Parts:
        items = []
        for row in rows:
            with reading(f"Example {row} of {self.name}"):
                with user_code():
                    items.append(self.data[row])
        return parts(self._collated(items))

    def _collated(self, items: list[Any]) -> Any:
        try:
            with user_code():
                return self.collate(items)
        except (TypeError, RuntimeError, ValueError) as error:
            raise CensusError(
                f"The examples of {self.name} must be numbers of one shape, or come with a collate_fn. "
                f"Got {one_line(error)}."
            ) from error

    def _loaded(self, chunks: list[list[Any]]) -> Iterator[Parts]:
        """The parts of each chunk of rows, from the loader's worker processes where it has any."""
        if not self.workers.get("num_workers"):
            yield from (self._parts(chunk) for chunk in chunks)
            return
        with reading(self.name):
            generator = torch.Generator().manual_seed(0)  # else the caller's random state would move
            loader: DataLoader[Any] = DataLoader(
                self.data, batch_sampler=chunks, collate_fn=self.collate, generator=generator, **self.workers
            )
            with user_code():
                coming = iter(loader)
        for _ in chunks:
            with reading(self.name):
                with user_code():
                    raw = next(coming)
            yield parts(raw)

    def _batch(self, parsed: Parts, rows: Sequence[Any], ids: Sequence[str]) -> Batch:
        if parsed.examples != len(ids):
            raise CensusError(f"{self.name} must give one example a row. Got {parsed.examples} for {len(ids)} rows.")
        if self._labels is None:
            return as_batch(parsed, tuple(ids), self._classes)
        batch = as_batch(replace(parsed, labels=None), tuple(ids), self._classes)
        return replace(batch, labels=self._labels[torch.tensor(list(rows))])

    def rows(self) -> tuple[Sequence[int], int]:
        return self._rows, len(self.data)

    def _survey(self) -> None:
        """Learn all ids and class names by reading every item once."""
        ids: list[str] = []
        names: set[str] = set()
        chunks = [list(self._rows[start : start + SURVEY]) for start in range(0, len(self._rows), SURVEY)]
        for parsed in self._loaded(chunks):
            ids += parsed.ids or ()
            names |= parsed.names or set()
        if ids:
            self.ids = unique(ids)
        if names and self._labels is None:
            self._classes = Classes(sorted(names))
            self.class_names = self._classes.names


def rows_of_loader(loader: DataLoader[Any], labels: Labels | None, name: str) -> Rows:
    """The rows that a DataLoader over a map-style Dataset would give, in the Dataset's order.

    A last incomplete batch that the loader would drop is counted as well; a row sampled twice counts once.
    """
    sampler = loader.batch_sampler
    with _same_random_state(loader):
        if type(sampler) is BatchSampler:
            sampled = list(sampler.sampler)
        else:
            sampled = [row for chunk in sampler or () for row in chunk]
    rows = list(dict.fromkeys(int(row) if isinstance(row, Tensor) else row for row in sampled))
    if all(isinstance(row, int) for row in rows):
        rows.sort()
    workers = {option: getattr(loader, option) for option in WORKER_OPTIONS} if loader.num_workers else {}
    source = Rows(loader.dataset, rows, labels, name, collate=own_way(loader.collate_fn), workers=workers)
    source.about["order"] = "the rows of the Dataset, whatever the loader's order"
    return source


class _same_random_state:  # noqa: N801 - used like a function
    """The loader's own and torch's random state as before: drawing its rows moves neither."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._generators = [g for g in (loader.generator, getattr(loader.sampler, "generator", None)) if g is not None]

    def __enter__(self) -> None:
        self._states = [g.get_state() for g in self._generators]
        self._torch = torch.get_rng_state()

    def __exit__(self, *_: object) -> None:
        torch.set_rng_state(self._torch)
        for generator, state in zip(self._generators, self._states, strict=True):
            generator.set_state(state)


def rows_of_dataset(data: Dataset[Any] | Sequence[Any], labels: Labels | None, name: str) -> Rows:
    """All rows of a map-style Dataset, or of any object with a length and items by number."""
    try:
        length = len(data)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError) as error:
        raise CensusError(f"A Dataset must have __len__, or be an IterableDataset. Got {name} without.") from error
    return Rows(data, range(length), labels, name)
