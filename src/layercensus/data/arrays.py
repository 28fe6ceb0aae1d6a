"""Arrays and tensors in memory, and npz files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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
from .reading import one_line
from .request import Request
from .source import Source, unique

INPUT_NAMES = ("inputs", "x", "X", "data", "images")
BESIDE = "given beside the data"  # where labels come from that the user names as such
LABEL_NAMES = ("labels", "y", "Y", "targets")
GROUP_NAMES = ("groups", "group")


class Arrays(Source):
    """(examples, ...) in memory or mapped from disk; ids are row numbers unless others are given.

    Only the rows of a batch are converted, so bytes stay bytes until they are needed.
    """

    in_memory = True

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
        x, _ = as_floats(as_tensor(self.inputs[rows]))
        bad = first_not_finite(x)
        if bad is not None:
            raise CensusError(f"Inputs must be finite. Got NaN or inf in example {ids[bad]!r} of {self.name}.")
        labels, groups = (
            None if column is None else column[torch.tensor(rows)] for column in (self.labels, self.groups)
        )
        return Batch(x, tuple(ids), labels, groups=groups)


def open_npz(file: str, request: Request) -> Arrays:
    """The arrays of an npz file: inputs under "inputs" or "x", labels under "labels" or "y", groups under "groups"."""
    arrays = _load(file)
    inputs = next((n for n in INPUT_NAMES if n in arrays), None)
    target = next((n for n in LABEL_NAMES if n in arrays and n != inputs), None)
    together = next((n for n in (request.groups, *GROUP_NAMES) if n in arrays and n != inputs), None)
    if inputs is None:
        rest = [n for n in arrays if n not in (target, together)]
        if len(rest) != 1:
            names = ", ".join(arrays) or "none"
            raise CensusError(f"npz:{file} must hold an array named inputs or x. Got {names}. Save it with that name.")
        inputs = rest[0]
    name = f"npz:{Path(file).name}"
    if request.labels is not None:
        opened = Arrays(arrays[inputs], request.labels, name=name)
    else:
        origin = f"the file's array {target}"
        opened = Arrays(arrays[inputs], arrays[target] if target else None, name=name, origin=origin)
    if together is not None:
        opened.group(arrays[together], f"the file's array {together}")
    return opened


def _load(file: str) -> dict[str, np.ndarray[Any, Any]]:
    path = Path(file)
    if not path.is_file():
        raise CensusError(f"npz:{file} must be an npz file. Got {'a folder' if path.is_dir() else 'no such file'}.")
    try:
        with path.open("rb") as opened:  # numpy itself leaves a broken archive open
            content = np.load(opened, allow_pickle=False)
            return (
                {"inputs": content}
                if isinstance(content, np.ndarray)
                else {name: content[name] for name in content.files}
            )
    except Exception as error:
        why = one_line(error)
        raise CensusError(f"npz:{file} must be an npz file of plain arrays. It cannot be read: {why}.") from error
