"""Data as Python objects: arrays, Datasets, DataLoaders and any iterable of batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ..errors import CensusError
from ..models.prepare import Prepare
from .arrays import BESIDE, Arrays
from .dataset import rows_of_dataset, rows_of_loader
from .frame import is_table, of_frame
from .hf_data import is_dataset, of_dataset
from .items import raw_items
from .labels import Labels
from .records import Records
from .request import Request
from .source import Source
from .stream import Batches, Stream
from .understood import examples_of, is_array, pair_of

STREAM_BATCH = 32  # examples of an IterableDataset at a time


def open_object(data: Any, labels: Labels | None = None, prepare: Prepare | None = None) -> Source:
    """The source behind a Python object.

    prepare: the model's convention for pictures and texts that are not numbers yet.

    Raises:
        CensusError: for an object that holds no examples.
    """
    name = type(data).__name__
    if is_dataset(data) and getattr(data, "format", {}).get("type") is None:
        return of_dataset(data, Request(prepare, labels), name)
    items = raw_items(data)
    if items is not None:
        return Records(items, Request(prepare, labels))
    if isinstance(data, DataLoader):
        once = isinstance(data.dataset, IterableDataset) or data.batch_sampler is None
        return Stream(data, labels, name) if once else rows_of_loader(data, labels, name)
    if isinstance(data, IterableDataset):
        return Stream(DataLoader(data, batch_size=STREAM_BATCH), labels, name)
    if isinstance(data, Dataset):
        return rows_of_dataset(data, labels, name)
    if isinstance(data, pd.DataFrame) and is_table(data):
        return of_frame(data, "the table", (), Request(labels=labels))
    if hasattr(data, "__array__"):
        return Arrays(data, labels, name="array" if isinstance(data, (Tensor, np.ndarray)) else name)
    pair = pair_of(data)
    if pair is not None:
        return _whole(pair, labels, name)
    if isinstance(data, Mapping):
        return Batches([data], labels, name)
    examples = examples_of(data)
    if examples is not None:
        source = rows_of_dataset(examples, labels, name)
        source.about["read as"] = f"a list of {len(examples):,} examples"
        return source
    if isinstance(data, (list, tuple)):
        batches = Batches(data, labels, name)
        batches.about["read as"] = f"{len(data):,} batches"
        return batches
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, (str, bytes)):
        return rows_of_dataset(data, labels, name)
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
        return Stream(data, labels, name)
    raise CensusError(
        f"data must be an array, a Dataset, a DataLoader, an iterable of batches or a short name. Got {name}."
    )


def _whole(pair: tuple[Any, Any], labels: Labels | None, name: str) -> Source:
    """A data set of inputs, or several inputs, beside its labels."""
    inputs, own = pair
    if isinstance(inputs, pd.DataFrame):
        return of_frame(inputs, "the table", (), Request(labels=own if labels is None else labels))
    if is_array(inputs) and (own is not None or labels is not None):
        origin = BESIDE if labels is not None else "the second of the two arrays"
        return Arrays(inputs, own if labels is None else labels, origin=origin)
    return Arrays(inputs) if is_array(inputs) else Batches([{"inputs": inputs, "labels": own}], labels, name)
