"""Data as Python objects: arrays, Datasets, DataLoaders and any iterable of batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ..errors import CensusError
from .arrays import Arrays
from .dataset import rows_of_dataset, rows_of_loader
from .labels import Labels
from .source import Source
from .stream import Batches, Stream

STREAM_BATCH = 32  # examples of an IterableDataset at a time


def open_object(data: Any, labels: Labels | None = None) -> Source:
    """The source behind a Python object.

    Raises:
        CensusError: for an object that holds no examples.
    """
    name = type(data).__name__
    if isinstance(data, DataLoader):
        once = isinstance(data.dataset, IterableDataset) or data.batch_sampler is None
        return Stream(data, labels, name) if once else rows_of_loader(data, labels, name)
    if isinstance(data, IterableDataset):
        return Stream(DataLoader(data, batch_size=STREAM_BATCH), labels, name)
    if isinstance(data, Dataset):
        return rows_of_dataset(data, labels, name)
    if hasattr(data, "__array__"):
        return Arrays(data, labels, name="array" if isinstance(data, (Tensor, np.ndarray)) else name)
    if _inputs_and_labels(data):
        return Arrays(data[0], data[1] if labels is None else labels, origin="the second of the two arrays")
    if isinstance(data, dict):
        return Batches([data], labels, name)
    if isinstance(data, (list, tuple)):
        return Batches(data, labels, name)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, (str, bytes)):
        return rows_of_dataset(data, labels, name)
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
        return Stream(data, labels, name)
    raise CensusError(
        f"data must be an array, a Dataset, a DataLoader, an iterable of batches or a short name. Got {name}."
    )


def _inputs_and_labels(data: Any) -> bool:
    """Whether it is (inputs, labels) of a whole data set."""
    if not (isinstance(data, tuple) and len(data) == 2 and all(isinstance(d, (Tensor, np.ndarray)) for d in data)):
        return False
    one_each = data[1].ndim == 1 or (data[1].ndim == 2 and data[1].shape[1] == 1)
    return data[0].ndim > 1 and one_each and len(data[0]) == len(data[1])
