"""Tables of numbers and categories as one array of features, and what was done to them in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import CensusError
from .arrays import BESIDE, Arrays
from .columns import GROUPS, IDS, LABELS
from .request import Request

MOST = 50  # different values of a column that is taken as categories


def is_table(frame: pd.DataFrame) -> bool:
    """Whether it is more than an array of numbers: it holds categories, or a column of labels."""
    numeric = [values.dtype.kind in "iufb" for _, values in frame.items()]
    labelled = any(column in frame and frame[column].dtype.kind not in "fc" for column in LABELS)
    return labelled or not all(numeric)


def of_frame(frame: pd.DataFrame, name: str, asked: Sequence[str], request: Request) -> Arrays:
    """The rows of a table: numbers as they are, categories as one feature each value.

    Labels, ids and groups are the columns of that name; asked: the columns that the net is
    given, none of which is then a label.

    Raises:
        CensusError: no such column, an empty cell, or text that is no category.
    """
    unknown = [column for column in asked if column not in frame]
    if unknown:
        raise CensusError(f"{name} must have a column {unknown[0]!r}. Got {', '.join(map(str, frame))}.")
    if not len(frame):
        raise CensusError(f"data must hold at least one example. Got none in {name}.")
    label, id, group = (next((c for c in names if c in frame and c not in asked), None) for names in _names(request))
    inputs = list(asked) or [column for column in frame if column not in (label, id, group)]
    features, said = _features(frame[inputs], name)
    ids = None if id is None or frame[id].duplicated().any() else [str(value) for value in frame[id]]
    source = Arrays(features, name=name, ids=ids)
    source.about["inputs"] = said
    if request.labels is not None:
        source.label(request.labels, BESIDE)
    elif label is not None:
        source.label(frame[label].tolist(), f"column {label}")
    if group is not None:
        source.group(frame[group].tolist(), f"column {group}")
    return source


def _names(request: Request) -> tuple[Sequence[str], ...]:
    return LABELS, IDS, (*((request.groups,) if request.groups else ()), *GROUPS)


def _features(frame: pd.DataFrame, name: str) -> tuple[NDArray[np.float32], str]:
    """(rows, features) float32 and how each column became some of them."""
    parts, encoded = [], []
    for column in frame:
        values = frame[column]
        if values.isna().any():
            row = int(np.flatnonzero(values.isna().to_numpy())[0])
            raise CensusError(f"{name} must have a value in every cell. Got none in column {column!r}, row {row}.")
        if values.dtype.kind in "iufb":
            parts.append(values.to_numpy(dtype=np.float32)[:, None])
        else:
            one_hot, kinds = _categories(values, name)
            parts.append(one_hot)
            encoded.append(f"{column} ({', '.join(kinds[:4])}{' and more' if len(kinds) > 4 else ''})")
    said = f"{len(frame.columns)} columns as {sum(part.shape[1] for part in parts)} features"
    said += f"; categories as 0 and 1 for each value: {', '.join(encoded)}" if encoded else ""
    return np.concatenate(parts, 1), said


def _categories(values: Any, name: str) -> tuple[NDArray[np.float32], list[str]]:
    kinds = sorted(map(str, values.unique()))
    if len(kinds) > MOST:
        raise CensusError(
            f"Columns of {name} must hold numbers or at most {MOST} categories. Got {len(kinds)} different texts in "
            f"{values.name!r}: name the columns to use, {name}:COLUMN,COLUMN."
        )
    return (values.astype(str).to_numpy()[:, None] == np.array(kinds)[None]).astype(np.float32), kinds
