"""Arrays and tensors in memory or mapped from disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError
from .batch import Batch
from .groups import Groups, group_keys
from .groups import same_length as equally_many
from .labels import Labels, as_classes, described, same_length
from .numbers import KINDS, as_floats, as_tensor, first_not_finite
from .source import Source, unique

BESIDE = "given beside the data"  # where labels come from that the user names as such


class Arrays(Source):
    """(examples, ...) in memory or mapped from disk; ids are row numbers unless others are given.

    Only the rows of a batch are converted, so bytes stay bytes until they are needed.
    """

    in_memory = own_code = True

    def __init__(
        self, inputs: Any, labels: Labels | None = None, *, name: str = "array", ids: Sequence[str] | None = None,
        origin: str = BESIDE,
    ) -> None:  # fmt: skip
        self.inputs: Any = inputs if isinstance(inputs, np.ndarray) else as_tensor(inputs)
        shape = tuple(self.inputs.shape)
        if len(shape) < 2 or 0 in shape[1:]:
            raise CensusError(f"data must have an axis of examples and at least one more. Got shape {shape}.")
        if shape[0] == 0:
            raise CensusError(f"data must hold at least one example. Got none in {name}.")
        first, how = as_floats(as_tensor(self.inputs[:1]))
        self.name, self.length = name, shape[0]
        self.kind = KINDS.get(first.ndim - 1, "arrays") if first.is_floating_point() else "tokens"
        self.ids = unique(ids) if ids is not None else tuple(map(str, range(shape[0])))
        self._row = {id: row for row, id in enumerate(self.ids)}
        self.about = {
            "name": name, "kind": self.kind, "examples": shape[0], "shape of an example": list(shape[1:]),
            "values": how, "labels": "none",
        }  # fmt: skip
        self.labels: Tensor | None = None  # (examples,) int64
        self.groups: Tensor | None = None  # (examples,) int64
        if labels is not None:
            self.label(labels, origin)

    def group(self, groups: Groups, origin: str) -> None:
        """Take these groups, one for each row."""
        self.groups = equally_many(group_keys(groups), int(self.length or 0))
        self.about["groups"] = origin

    def label(self, labels: Labels, origin: str) -> None:
        """Take these labels, one for each row, in place of any others; only those given as labels must be classes."""
        numbers, self.class_names = as_classes(labels, targets=origin != BESIDE)
        self.labels = same_length(numbers, int(self.length or 0))
        self.about["labels"] = described(self.labels, origin)

    def pick(self, ids: Sequence[str]) -> Batch:
        rows = [self._row[id] for id in ids]
        x, _ = as_floats(as_tensor(_copied(self.inputs, rows)))
        bad = first_not_finite(x)
        if bad is not None:
            raise CensusError(f"Inputs must be finite. Got NaN or inf in example {ids[bad]!r} of {self.name}.")
        labels, groups = (
            None if column is None else column[torch.tensor(rows)] for column in (self.labels, self.groups)
        )
        return Batch(x, tuple(ids), labels, groups=groups)


def _copied(inputs: Any, rows: list[int]) -> Any:
    """These rows, as a copy: a net may write into what it is given."""
    if not rows or rows != list(range(rows[0], rows[0] + len(rows))):
        return inputs[rows]
    part = inputs[rows[0] : rows[-1] + 1]  # twice as fast as by their numbers
    return part.clone() if isinstance(part, Tensor) else np.array(part)
