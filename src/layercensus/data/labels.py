"""Labels of any kind as class numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError
from .label_values import NO_LABEL, ONE_KIND, TARGET, Labels, label_values

__all__ = ["NO_LABEL", "TARGET", "Classes", "Labels", "as_classes", "described", "named", "same_length"]


class Classes:
    """Class numbers of labels that come batch by batch: integers stay, names are numbered.

    names: all names in their order where they are known before; others are numbered as they are met.

    >>> classes = Classes()
    >>> [classes.numbers(batch).tolist() for batch in (["dog", "cat"], [None, "dog"])]
    [[0, 1], [-1, 0]]
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._number = {name: number for number, name in enumerate(names)}
        self._integer: int | None = None  # one that was met

    @property
    def names(self) -> tuple[str, ...] | None:
        """The classes' names so far, by class number; None where labels are integers."""
        return tuple(self._number) or None

    def numbers(self, labels: Labels) -> Tensor:
        """(examples,) int64: -1 without a label, -2 where the data hold a target that is no class.

        Raises:
            CensusError: names beside integers, in one batch or in several.
        """
        values = label_values(labels, targets=True)
        if values.dtype.kind == "U":
            return torch.tensor([self._number_of(str(name)) for name in values], dtype=torch.int64)
        if (values >= 0).any():
            self._integer = int(values.max())
            if self._number:
                raise CensusError(f"{ONE_KIND}. Got {self._integer} after names.")
        return torch.from_numpy(values)

    def _number_of(self, name: str) -> int:
        if name and self._integer is not None:
            raise CensusError(f"{ONE_KIND}. Got {name!r} after {self._integer}.")
        return self._number.setdefault(name, len(self._number)) if name else NO_LABEL


def as_classes(labels: Labels, *, targets: bool = False) -> tuple[Tensor, tuple[str, ...] | None]:
    """(examples,) int64 class numbers, -1 without a label, and the classes' sorted names where labels are names.

    targets: what is no class is -2 and no error, as `label_values` describes it.
    """
    values = label_values(labels, targets=targets)
    if values.dtype.kind != "U":
        return torch.from_numpy(values), None
    names = sorted(set(values.tolist()) - {""})
    return Classes(names).numbers(values), tuple(names)


def named(labels: Labels | None) -> set[str] | None:
    """The names among labels, as yet unknown where none has a label; None where they are no names."""
    if labels is None:
        return None
    values = label_values(labels, targets=True)
    if values.dtype.kind == "U":
        return set(values.tolist()) - {""}
    return None if (values != NO_LABEL).any() or _integers(labels) else set()


def described(numbers: Tensor, origin: str) -> str:
    """Where labels come from, and how many examples have none, in words."""
    without = int((numbers == NO_LABEL).sum())
    return f"{origin}; {without:,} of {len(numbers):,} examples have none" if without else origin


def same_length(labels: Tensor, examples: int) -> Tensor:
    """The labels, when there is one for each example."""
    if len(labels) != examples:
        raise CensusError(f"labels must have one entry for each of the {examples:,} examples. Got {len(labels):,}.")
    return labels


def _integers(labels: Any) -> bool:
    """Whether labels are integers by their type: -1 then stands for none, and never for the name of a class."""
    if isinstance(labels, Tensor):
        return not labels.is_floating_point()
    return np.asarray(labels).dtype.kind in "iub"
