"""Labels of any kind as class numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import CensusError

Labels = Sequence[Any] | Tensor | NDArray[Any]


class Classes:
    """Class numbers of labels that come batch by batch: integers stay, names are numbered.

    names: all names in their order where they are known before; others are numbered as they are met.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._number = {name: number for number, name in enumerate(names)}

    @property
    def names(self) -> tuple[str, ...] | None:
        """The classes' names so far, by class number; None where labels are integers."""
        return tuple(self._number) or None

    def numbers(self, labels: Labels) -> Tensor:
        """(examples,) int64."""
        values = plain(labels)
        if values.dtype.kind != "U":
            if self._number:
                raise CensusError(f"labels must be all names or all integers. Got {values[0]} after names.")
            return torch.from_numpy(values)
        return torch.tensor([self._number.setdefault(str(name), len(self._number)) for name in values])


def as_classes(labels: Labels) -> tuple[Tensor, tuple[str, ...] | None]:
    """(examples,) int64 class numbers, and the classes' sorted names where labels are not integers already."""
    values = plain(labels)
    if values.dtype.kind != "U":
        return torch.from_numpy(values), None
    names = [str(name) for name in np.unique(values)]
    return Classes(names).numbers(values), tuple(names)


def plain(labels: Labels) -> NDArray[Any]:
    """One label per example: int64, or text where they are names."""
    try:
        values = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    except ValueError as error:
        raise CensusError("labels must be one value per example. Got a ragged list.") from error
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise CensusError(f"labels must be one value per example. Got shape {values.shape}.")
    if values.dtype.kind in "iub":
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or not np.array_equal(values, np.round(values)):
            raise CensusError("labels must be classes, as integers or names. Got fractional numbers.")
        return values.astype(np.int64)
    return values.astype(str)


def same_length(labels: Tensor, examples: int) -> Tensor:
    """The labels, when there is one for each example."""
    if len(labels) != examples:
        raise CensusError(f"labels must have one entry for each of the {examples:,} examples. Got {len(labels):,}.")
    return labels
