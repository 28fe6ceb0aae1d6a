"""Concept sets from whatever the user names them by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..data.batch import Batch
from ..data.images import Images
from ..data.source import Source
from ..errors import CensusError
from .columns import of_column, of_csv, of_frame
from .folders import of_folders
from .masks import Masks, of_alpha, of_arrays, of_folder
from .plain import of_function, plain_sets
from .sets import ConceptSet
from .tags import Tags, of_file, of_tags

NAMES = ("labels", "plain", "folders", "alpha", "masks:FOLDER", "tags:FILE", "FILE.csv")
READ_AT_ONCE = 256


def open_concepts(given: Any, source: Source) -> tuple[ConceptSet, ...]:
    """The sets that `take(concepts=...)` names, none for None.

    Raises:
        CensusError: one line that says what is wrong with them, or that they do not fit the data.
    """
    if given is None:
        return ()
    if not source.reusable:
        raise CensusError("concepts need data that can be read twice. Got an iterator.")
    sets = list(_opened(given, source))
    names = [each.name for each in sets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise CensusError(f"Sets of concepts must have names of their own. Got {twice!r} twice.")
    if not sets:
        raise CensusError(f"concepts must be some of {', '.join(NAMES)}, columns or functions. Got none.")
    return tuple(sets)


def _opened(given: Any, source: Source, name: str = "") -> Iterator[ConceptSet]:
    if isinstance(given, ConceptSet):
        yield given
    elif isinstance(given, (str, Path)):
        yield from _of_name(str(given), source)
    elif isinstance(given, Masks):
        yield of_arrays(given, source)
    elif isinstance(given, Tags):
        yield of_tags(given, source)
    elif isinstance(given, pd.DataFrame):
        yield of_frame(name or "table", given, source)
    elif isinstance(given, Mapping):
        for key, value in given.items():
            yield from _entry(str(key), value, source)
    elif isinstance(given, (np.ndarray, Tensor, pd.Series)):
        yield of_column(name or "concept", given, source)
    elif callable(given):
        yield of_function(name or getattr(given, "__name__", "function"), given, source)
    elif isinstance(given, Sequence):
        for one in given:
            yield from _opened(one, source)
    else:
        raise CensusError(
            f"concepts must be some of {', '.join(NAMES)}, columns or functions. Got {type(given).__name__}."
        )


def _entry(name: str, value: Any, source: Source) -> Iterator[ConceptSet]:
    """An entry of a dict: a column, a table or a function of that name."""
    if isinstance(value, (pd.DataFrame, np.ndarray, Tensor, pd.Series)) or (
        callable(value) and not isinstance(value, type)
    ):
        yield from _opened(value, source, name)
    else:
        yield of_column(name, value, source)


def _of_name(text: str, source: Source) -> Iterator[ConceptSet]:
    kind, _, rest = text.partition(":")
    whole: dict[str, Callable[[], list[ConceptSet]]] = {
        "labels": lambda: [of_labels(source)], "plain": lambda: plain_sets(source), "alpha": lambda: [of_alpha(source)],
        "folders": lambda: _of_folders(source),
    }  # fmt: skip
    if text in whole:
        yield from whole[text]()
    elif kind == "masks" and rest:
        yield of_folder(Path(rest), source)
    elif kind == "tags" and rest:
        yield of_file(Path(rest), source)
    elif text.lower().endswith(".csv"):
        yield of_csv(Path(text), source)
    else:
        raise CensusError(f"concepts must be some of {', '.join(NAMES)}, columns or functions. Got {text!r}.")


def _of_folders(source: Source) -> list[ConceptSet]:
    if isinstance(source, Images):
        source.without_folder_groups()
    return of_folders(source)


def of_labels(source: Source) -> ConceptSet:
    """The set of the classes.

    Raises:
        CensusError: the examples have no labels, or how many classes there are is not known before reading.
    """
    count = len(source.class_names or ()) or _classes(source)
    names = source.class_names or tuple(f"class {number}" for number in range(count))

    def values(batch: Batch) -> Tensor:
        label = torch.full((len(batch.ids),), -1) if batch.labels is None else batch.labels.long()
        has = (label[:, None] == torch.arange(count)).float()
        return torch.where(label[:, None] < 0, torch.nan, has)

    return ConceptSet("labels", tuple(names), values, digest=f"labels {count}")


def _classes(source: Source) -> int:
    if not source.in_memory:
        raise CensusError('Classes must have names to be concepts. Got numbers: pass concepts={"class": LABELS}.')
    top = max(
        (int(batch.labels.max()) for batch in source.batches(READ_AT_ONCE) if batch.labels is not None), default=-1
    )
    if top < 0:
        raise CensusError(f"labels as concepts must be in the data. {source.name} has none.")
    return top + 1
