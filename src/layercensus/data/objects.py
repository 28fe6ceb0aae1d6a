"""Data as Python objects: Datasets, DataLoaders and any iterable of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate

from ..errors import CensusError
from .arrays import KINDS, as_floats
from .batch import Batch, each, tensors
from .labels import as_classes, same_length
from .source import Skip, Source

SHAPE = "a batch must be inputs, (inputs,), (inputs, labels) or a dict with 'inputs'"


def as_batch(raw: Any, ids: Callable[[int], tuple[str, ...]]) -> Batch:
    """A batch from what a loader gives; `ids` names its n examples where it does not itself.

    Raises:
        CensusError: for another form, or parts of unequal length.
    """
    labels = mask = own = None
    if isinstance(raw, dict) and "inputs" in raw:
        inputs, labels, mask, own = raw["inputs"], raw.get("labels"), raw.get("mask"), raw.get("ids")
    elif isinstance(raw, (tuple, list)) and 1 <= len(raw) <= 2 and not _scalar(raw[0]):
        inputs, labels = raw[0], raw[1] if len(raw) == 2 else None
    elif isinstance(raw, (Tensor, np.ndarray)) or (isinstance(raw, dict) and raw):
        inputs = raw
    else:
        raise CensusError(f"{SHAPE}. Got {type(raw).__name__}.")
    inputs = _floats(inputs)
    held = tensors(inputs)
    if not held or held[0].ndim == 0:
        raise CensusError(f"{SHAPE}. Got no tensor with examples on its first axis.")
    n = len(held[0])
    if any(len(t) != n for t in held if t.ndim):
        raise CensusError(f"All inputs of a batch must have as many examples. Got {sorted({len(t) for t in held if t.ndim})}.")
    if mask is None and isinstance(inputs, dict) and "attention_mask" in inputs:
        mask = inputs["attention_mask"]
    names = tuple(str(i.item() if isinstance(i, Tensor) else i) for i in own) if own is not None else ids(n)
    if len(names) != n:
        raise CensusError(f"ids must name each of the {n} examples of a batch. Got {len(names)}.")
    number = same_length(as_classes(labels)[0], n) if labels is not None else None
    batch = Batch(inputs, names, number, None if mask is None else torch.as_tensor(mask).bool())
    return _finite(batch)


def _scalar(value: Any) -> bool:
    return isinstance(value, (int, float, str)) or (isinstance(value, Tensor) and value.ndim == 0)


def _floats(inputs: Any) -> Any:
    if isinstance(inputs, (np.ndarray, Tensor)):
        return as_floats(inputs)[0]
    if isinstance(inputs, dict):
        return {name: _floats(value) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return tuple(_floats(value) for value in inputs)
    return inputs


def _finite(batch: Batch) -> Batch:
    for t in tensors(batch.inputs):
        if t.is_floating_point() and not bool(torch.isfinite(t).all()):
            bad = (~torch.isfinite(t.flatten(1) if t.ndim > 1 else t[:, None]).all(1)).nonzero()[0].item()
            raise CensusError(f"Inputs must be finite. Got NaN or inf in example {batch.ids[int(bad)]!r}.")
    return batch


def kind_of(inputs: Any) -> str:
    """What an example looks like, from a batch's inputs."""
    if isinstance(inputs, dict) and "input_ids" in inputs:
        return "tokens"
    first = tensors(inputs)[0]
    if not first.is_floating_point():
        return "tokens"
    return KINDS.get(first.ndim - 1, "arrays")


class Rows(Source):
    """A map-style Dataset, on its own or behind a DataLoader; ids are its row numbers whatever the loader's order."""

    def __init__(self, data: Any, labels: Any, name: str, rows: Sequence[int], collate: Callable[[Any], Any] = default_collate, workers: int = 0) -> None:  # fmt: skip
        if len(rows) == 0:
            raise CensusError(f"data must hold at least one example. Got none in {name}.")
        self.data, self.collate, self.workers = data, collate, workers
        self.name, self.length = name, len(rows)
        self.ids = tuple(str(row) for row in rows)
        self.labels: Tensor | None = None
        if labels is not None:
            numbers, self.class_names = as_classes(labels)
            self.labels = same_length(numbers, len(data))
        first = self.pick(self.ids[:1])
        self.kind = kind_of(first.inputs)
        self.about = {"name": name, "kind": self.kind}

    def pick(self, ids: Sequence[str]) -> Batch:
        rows = [int(id) for id in ids]
        return self._batch(self.collate([self.data[row] for row in rows]), rows)

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        rows = [int(id) for id in self.ids or () if skip is None or not skip(id)]
        chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
        loader = DataLoader(_Numbered(self.data), batch_sampler=chunks, num_workers=self.workers, collate_fn=_collate(self.collate))  # type: ignore[arg-type]  # fmt: skip
        for rows_, raw in loader:
            yield self._batch(raw, rows_)

    def _batch(self, raw: Any, rows: list[int]) -> Batch:
        batch = as_batch(raw, lambda n: tuple(map(str, rows)))
        if self.labels is None:
            return batch
        return Batch(batch.inputs, batch.ids, self.labels[torch.tensor(rows)], batch.mask)


class _Numbered(Dataset[Any]):
    def __init__(self, data: Any) -> None:
        self.data = data

    def __getitem__(self, row: int) -> tuple[int, Any]:
        return row, self.data[row]


class _collate:  # noqa: N801 - a function that worker processes can receive
    def __init__(self, inner: Callable[[Any], Any]) -> None:
        self.inner = inner

    def __call__(self, items: list[tuple[int, Any]]) -> tuple[list[int], Any]:
        return [row for row, _ in items], self.inner([item for _, item in items])


class Stream(Source):
    """An iterable of batches; ids count up unless the batches give them. A generator can be read once."""

    def __init__(self, data: Iterable[Any], labels: Any, name: str) -> None:
        self.data, self.name = data, name
        self.reusable = iter(data) is not data
        self.labels = None if labels is None else as_classes(labels)[0]
        self.class_names = None if labels is None else as_classes(labels)[1]
        self.kind = "arrays"
        self.about = {"name": name, "kind": "stream"}
        self._first: Batch | None = None
        if self.reusable:
            self._look(next(self.batches(1 << 30), None))

    def _look(self, batch: Batch | None) -> None:
        if batch is None:
            raise CensusError(f"data must hold at least one example. Got none from {self.name}.")
        self.kind = kind_of(batch.inputs)

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        start = 0
        for raw in self.data:
            first = start
            batch = as_batch(raw, lambda n, first=first: tuple(str(first + i) for i in range(n)))  # type: ignore[misc]
            if start == 0:
                self._look(batch)
            start += len(batch.ids)
            batch = self._labelled(batch, first)
            if skip is not None:
                batch = batch.take(torch.tensor([i for i, id in enumerate(batch.ids) if not skip(id)], dtype=torch.int64))
            for at in range(0, len(batch.ids), size):
                yield batch.take(torch.arange(at, min(at + size, len(batch.ids))))
        if self.labels is not None:
            same_length(self.labels, start)

    def _labelled(self, batch: Batch, start: int) -> Batch:
        if self.labels is None:
            return batch
        labels = self.labels[start : start + len(batch.ids)]
        if len(labels) < len(batch.ids):
            raise CensusError(f"labels must have one entry for each example. Got {len(self.labels):,} for more examples than that.")
        return Batch(batch.inputs, batch.ids, labels, batch.mask)


def open_object(data: Any, labels: Any) -> Source:
    """The source behind a Python object.

    Raises:
        CensusError: for an object that holds no examples.
    """
    name = type(data).__name__
    if isinstance(data, DataLoader):
        if isinstance(data.dataset, IterableDataset) or data.batch_sampler is None:
            return Stream(data, labels, name)
        rows = sorted(dict.fromkeys(row for chunk in data.batch_sampler for row in chunk))
        return Rows(data.dataset, labels, name, rows, data.collate_fn, data.num_workers)
    if isinstance(data, IterableDataset):
        return Stream(DataLoader(data, batch_size=32), labels, name)
    if isinstance(data, Dataset) or (hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, (list, tuple, dict, str))):
        return Rows(data, labels, name, range(len(data)))
    if isinstance(data, dict) and "inputs" in data:
        return Stream([data], labels, name)
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, dict)):
        return Stream(data, labels, name)
    raise CensusError(f"data must be an array, a Dataset, a DataLoader, an iterable of batches or a short name. Got {name}.")
