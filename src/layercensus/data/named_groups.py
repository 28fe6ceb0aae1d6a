"""Data in which an entry of another name says which source an example comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch.utils.data import DataLoader, Dataset, IterableDataset

from ..errors import CensusError


def with_groups_named(data: Any, name: str) -> Any:
    """The same data, whose entry `name` is called "groups" as a batch or an example is read.

    data: a dict, a list of dicts, a Dataset, a DataLoader over one, or an iterable of dicts.

    >>> with_groups_named({"inputs": 1, "speaker": 2}, "speaker")
    {'inputs': 1, 'groups': 2}

    Raises:
        CensusError: the entry is missing, or the data have no entries with names.
    """
    if isinstance(data, Mapping):
        return _renamed(data, name)
    if isinstance(data, DataLoader) and data.batch_sampler is not None:
        rows = _Items(data.dataset, name)
        return DataLoader(
            rows, batch_sampler=data.batch_sampler, collate_fn=data.collate_fn, num_workers=data.num_workers
        )  # fmt: skip
    if isinstance(data, (list, tuple)):
        return [_renamed(one, name) for one in data]
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        return _Items(data, name)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not hasattr(data, "__array__"):
        return _Items(data, name)
    if isinstance(data, Iterable) and not hasattr(data, "__array__"):
        return _each(data, name)
    raise CensusError(no_entry(name, f"{type(data).__name__} has no names"))


def no_entry(name: str, what: str) -> str:
    """What is wrong where there is no such entry."""
    return f"groups must be one source per example, or the name of an entry of the data. Got {name!r}, and {what}."


class _Items(Dataset[Any]):
    """The items of another Dataset with the entry renamed."""

    def __init__(self, data: Any, name: str) -> None:
        self.data, self.name = data, name

    def __getitem__(self, row: Any) -> Any:
        return _renamed(self.data[row], self.name)

    def __len__(self) -> int:
        return len(self.data)


def _each(data: Iterable[Any], name: str) -> Iterator[Any]:
    for one in data:
        yield _renamed(one, name)


def _renamed(one: Any, name: str) -> dict[Any, Any]:
    if not isinstance(one, Mapping):
        raise CensusError(no_entry(name, f"{type(one).__name__} has no names"))
    if name not in one:
        raise CensusError(no_entry(name, f"there are {', '.join(map(str, one))}"))
    return {"groups" if entry == name else entry: value for entry, value in one.items()}
