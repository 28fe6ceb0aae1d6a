"""Labels in any spelling as one array: integers, or names; None, NaN and their like are no label."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import CensusError

Labels = Sequence[Any] | Tensor | NDArray[Any]
NO_LABEL = -1  # an example without one
TARGET = -2  # an example whose target is no class, such as a number to be predicted or a mask of its pixels
LARGEST = 2**53  # integers up to which a float is exact
WHAT = "labels must be one class per example, as an integer or a name"
ONE_KIND = "labels must be all names or all integers"


def label_values(labels: Labels, *, targets: bool = False) -> NDArray[Any]:
    """(examples,) int64, -1 where there is no label; or text where labels are names, "" where there is none.

    No label: None, NaN, NaT, pandas' NA, what numpy masks, negative integers, and text of nothing but blanks. Shape
    (examples, 1) is (examples,). targets: what is no class (fractions, several numbers an example) becomes -2 instead
    of an error, since it was not said to be a label.

    >>> label_values([2, None, 0.0]).tolist()
    [2, -1, 0]
    >>> label_values(["cat", None, " "]).tolist()
    ['cat', '', '']

    Raises:
        CensusError: names beside numbers, not one value per example, or no classes.
    """
    values = _array(labels)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if targets and values.ndim > 1:
        return np.full(len(values), TARGET, dtype=np.int64)
    if values.ndim != 1:
        raise CensusError(f"{WHAT}. Got shape {values.shape}{_instead(values)}.")
    if values.dtype.kind in "iub":
        return _integers(values)
    if values.dtype.kind == "f":
        return _of_floats(values, targets)
    return _of_objects(values, targets)


def _array(labels: Labels) -> NDArray[Any]:
    """The labels as numpy has them; as objects where numpy would turn one kind into another."""
    if isinstance(labels, Tensor):
        values = labels.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if isinstance(labels, np.ma.MaskedArray):
        entries = np.array(labels.data, dtype=object)
        entries[np.ma.getmaskarray(labels)] = None
        return entries
    if hasattr(labels, "__array__"):
        return np.asarray(labels)
    if isinstance(labels, (str, bytes, Mapping)) or not isinstance(labels, Iterable):
        raise CensusError(f"{WHAT}. Got {type(labels).__name__}.")
    labels = list(labels)
    plain: NDArray[Any] | None = None
    with suppress(ValueError, TypeError):  # lists of unequal lengths
        plain = None if any(v is np.ma.masked for v in labels) else np.asarray(labels)
    if plain is None or (plain.dtype.kind not in "iubf" and len(labels)):
        return np.array([*labels, None], dtype=object)[:-1]
    return plain


def _plain(value: Any) -> Any:
    """A number out of an array or tensor that holds just it."""
    return value.item() if isinstance(value, (Tensor, np.ndarray, np.generic)) and value.ndim == 0 else value


def _instead(values: NDArray[Any]) -> str:
    if values.ndim == 2:
        return ": for rows with a single 1 pass their argmax(1), for several classes an example pass none"
    return ": a class for each position of an example is no label of it, so pass none" if values.ndim > 2 else ""


def _integers(values: NDArray[Any]) -> NDArray[np.int64]:
    if values.dtype.kind == "u" and len(values) and values.max() > np.iinfo(np.int64).max:
        raise CensusError(f"{WHAT}. Got {values.max()}, which 64 bits do not hold.")
    return np.maximum(values.astype(np.int64), NO_LABEL)


def _of_floats(values: NDArray[Any], targets: bool) -> NDArray[np.int64]:
    known = ~np.isnan(values)
    classes = known & (values == np.round(values)) & (np.abs(values) < LARGEST)
    if not targets and (known & ~classes).any():
        raise CensusError(f"{WHAT}. Got fractional numbers, such as {values[known & ~classes][0]}.")
    whole = np.maximum(np.where(classes, values, NO_LABEL).astype(np.int64), NO_LABEL)
    return np.where(known & ~classes, TARGET, whole)


def _of_objects(values: NDArray[Any], targets: bool) -> NDArray[Any]:
    """Names, or numbers among None and its like."""
    entries = [entry(value) for value in values.tolist()] if values.dtype.kind != "M" else _dates(values)
    known = [entry for entry in entries if entry is not None]
    numbers = [entry for entry in known if isinstance(entry, Real)]
    if not numbers and known and all(isinstance(entry, str) for entry in known):
        return np.array([entry or "" for entry in entries], dtype=str)
    if len(numbers) < len(known):
        return _of_others(known, numbers, len(entries), targets)
    if all(isinstance(number, Integral) and abs(int(number)) < 2**63 for number in numbers):
        return _integers(np.array([NO_LABEL if n is None else int(n) for n in entries], dtype=np.int64))
    return _of_floats(np.array([math.nan if n is None else float(n) for n in entries]), targets)


def _of_others(known: list[Any], numbers: list[Any], examples: int, targets: bool) -> NDArray[np.int64]:
    """What is neither all names nor all numbers."""
    odd = next((entry for entry in known if not isinstance(entry, (str, Real))), None)
    if odd is None:
        name = next(entry for entry in known if isinstance(entry, str))
        raise CensusError(f"{ONE_KIND}. Got {numbers[0]!r} beside {name!r}.")
    if not targets:
        raise CensusError(f"{WHAT}. Got {type(odd).__name__} for an example.")
    return np.full(examples, TARGET, dtype=np.int64)


def entry(value: Any) -> Any:
    """One label: text, a number, None where there is none, or what it is where it can be no label."""
    value = None if value is np.ma.masked else _plain(value)
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, (Tensor, np.ndarray, list, tuple, dict, set)):
        return value
    if pd.isna(value):
        return None
    return value if isinstance(value, (Real, complex)) else str(value)


def _dates(values: NDArray[Any]) -> list[str | None]:
    return [None if missing else str(value) for value, missing in zip(values, np.isnat(values), strict=True)]
