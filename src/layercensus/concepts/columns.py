"""Concepts in columns: booleans, integers, names, several an example; as arrays, a DataFrame, or a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.label_values import label_values
from ..data.reading import one_line
from ..data.source import Source
from ..errors import CensusError
from .sets import ConceptSet, rows_by_id, rows_by_order, table

IDS = ("id", "ids", "file", "example")  # names of a column that says which example a row is
Column = tuple[list[str], Tensor]  # names of concepts, (rows, concepts) float32


def of_column(name: str, values: Any, source: Source) -> ConceptSet:
    """The set of one column: a concept where it is boolean, else one for each value; (rows, concepts) as they are."""
    names, value = _concepts(name, values)
    return table(name, names, rows_by_order(source, len(value), f"Concept {name!r}"), value)


def of_frame(name: str, frame: pd.DataFrame, source: Source) -> ConceptSet:
    """The set of all columns of a DataFrame, whose rows are named by a column "id" or the index, or are in order."""
    ids = next((column for column in frame if str(column).lower() in IDS), None)
    given = frame[ids] if ids is not None else frame.index.to_series()
    if ids is not None or (
        set(given.astype(str)) & set(source.ids or ()) and not isinstance(frame.index, pd.RangeIndex)
    ):
        rows = rows_by_id(source, given.astype(str).tolist(), f"The ids of {name!r}")
    else:
        rows = rows_by_order(source, len(frame), f"The table {name!r}")
    columns = [_concepts(str(column), frame[column].to_numpy()) for column in frame if column != ids]
    if not columns:
        raise CensusError(f"The table {name!r} must have a column of concepts. Got none.")
    return table(name, [n for names, _ in columns for n in names], rows, torch.cat([v for _, v in columns], 1))


def of_csv(file: Path, source: Source) -> ConceptSet:
    """The set of a CSV file with a header; empty cells are unknown."""
    try:
        frame = pd.read_csv(file, encoding="utf-8-sig", dtype=dict.fromkeys(IDS, str))
    except Exception as error:  # whatever a parser makes of the wrong file
        raise CensusError(f"{file} must be a CSV file of concepts with a header. Got: {one_line(error)}.") from None
    return of_frame(file.stem, frame, source)


def _concepts(name: str, values: Any) -> Column:
    if _several(values):
        return _many(name, list(values))
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim == 2 and array.shape[1] > 1:
        return [f"{name} {number}" for number in range(array.shape[1])], _matrix(name, array)
    try:
        found = label_values(values)
    except CensusError as error:
        got = str(error).partition("Got ")[2] or str(error)
        raise CensusError(f"Concept {name!r} must be booleans, integers or names, one an example. Got {got}") from None
    return _of_values(name, found)


def _of_values(name: str, found: NDArray[Any]) -> Column:
    """One concept of booleans, or 0 and 1; else one for each value."""
    known = found != "" if found.dtype.kind == "U" else found >= 0
    values = np.unique(found[known])
    if found.dtype.kind != "U" and len(values) and values.max() <= 1:
        value = torch.from_numpy(np.where(known, found, np.nan).astype(np.float32))
        return [name], value[:, None]
    has = (found[:, None] == values[None]).astype(np.float32)
    has[~known] = np.nan
    return [f"{name}: {value}" for value in values], torch.from_numpy(has)


def _matrix(name: str, array: NDArray[Any]) -> Tensor:
    if array.dtype.kind not in "biuf" or not np.isin(array[~_missing(array)], (0, 1)).all():
        raise CensusError(f"Concepts {name!r} of shape {array.shape} must be 0 or 1. Got other values.")
    return torch.from_numpy(array.astype(np.float32))


def _missing(array: NDArray[Any]) -> NDArray[np.bool_]:
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, dtype=bool)


def _several(values: Any) -> bool:
    """Whether each example has a list of names of its own."""
    if not isinstance(values, (list, tuple)) and str(getattr(values, "dtype", "")) != "object":
        return False
    some = [value for value in values if value is not None]
    return bool(some) and all(isinstance(value, (list, tuple, set, frozenset)) for value in some)


def _many(name: str, values: Sequence[Iterable[Any] | None]) -> Column:
    names = sorted({str(one) for value in values if value is not None for one in value})
    place = {one: number for number, one in enumerate(names)}
    has = torch.zeros(len(values), len(names))
    for row, value in enumerate(values):
        if value is None:
            has[row] = torch.nan
        else:
            has[row, [place[str(one)] for one in value]] = 1.0
    return [f"{name}: {one}" for one in names], has


def of_mapping(columns: Mapping[str, Any], source: Source) -> list[ConceptSet]:
    """A set for each entry."""
    return [of_column(str(name), values, source) for name, values in columns.items()]
