"""Datasets and lists whose items are pictures of Pillow or texts: no batch can be made of them before preparation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image
from torch.utils.data import Dataset, IterableDataset

from .reading import reading
from .records import Row, Table
from .user_code import user_code
from .values import PICTURE, TEXT, kind_of_value

INPUTS, LABELS = "inputs", "labels"


def raw_items(data: Any) -> Table | None:
    """Such items as the rows of a table; None where they are none, or are numbers already.

    An item is a picture or a text, a pair of one and its label, or a dict. Class names are those that the Dataset
    gives as `classes`.
    """
    mapped = isinstance(data, Dataset) and not isinstance(data, IterableDataset) and hasattr(data, "__len__")
    if not (mapped or isinstance(data, list)) or not len(data):
        return None
    first = _item(data, 0)
    if not any(kind_of_value(value) == PICTURE or _is_text(name, value) for name, value in first.items()):
        return None
    if isinstance(data, list) and not _alike(data):
        return None
    names = getattr(data, "classes", None)
    named = {LABELS: names} if isinstance(names, list) and all(isinstance(name, str) for name in names) else {}

    def read(rows: Sequence[int], columns: Sequence[str] | None) -> list[Row]:
        found = [_item(data, row) for row in rows]
        return [item if columns is None else {name: item[name] for name in columns} for item in found]

    return Table(type(data).__name__, len(data), read, class_names=named, kept=_kept(data))


def _kept(data: Any) -> dict[str, list[Any]]:
    """Labels that the Dataset keeps as well, so that its pictures need not be decoded for them."""
    own: Any = getattr(data, "targets", getattr(data, "labels", None))
    listed = own.tolist() if hasattr(own, "tolist") else own
    return {LABELS: listed} if isinstance(listed, list) and len(listed) == len(data) else {}


def _item(data: Any, row: int) -> dict[str, Any]:
    with reading(f"Example {row} of {type(data).__name__}"):
        with user_code():
            item = data[row]
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return {INPUTS: item[0], LABELS: item[1]}
    return {INPUTS: item}


def _is_text(name: str, value: Any) -> bool:
    return kind_of_value(value) == TEXT and name not in (LABELS, "label", "ids", "id", "groups", "group")


def _alike(data: list[Any]) -> bool:
    """Whether a list holds nothing but pictures, or items of one type: texts, pairs or dicts."""
    pictures = isinstance(data[0], Image.Image)
    return all(isinstance(item, Image.Image) if pictures else type(item) is type(data[0]) for item in data)
