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
from .labels import as_classes, same_length
from .source import Source

KINDS = {1: "arrays", 2: "signals", 3: "images"}  # by the number of axes of an example
INPUT_NAMES = ("inputs", "x", "X", "data", "images")
LABEL_NAMES = ("labels", "y", "Y", "targets")


class Arrays(Source):
    """(examples, ...) in memory; ids are row numbers unless others are given."""

    def __init__(self, inputs: Any, labels: Any = None, *, name: str = "array", ids: Sequence[str] | None = None) -> None:
        self.inputs, how = as_floats(inputs)
        if self.inputs.ndim < 2:
            raise CensusError(f"data must have an axis of examples and at least one more. Got shape {tuple(self.inputs.shape)}.")
        if len(self.inputs) == 0:
            raise CensusError(f"data must hold at least one example. Got none in {name}.")
        self.name, self.kind = name, KINDS.get(self.inputs.ndim - 1, "arrays")
        self.length = len(self.inputs)
        self.ids = tuple(ids) if ids is not None else tuple(map(str, range(self.length)))
        self.labels: Tensor | None = None
        if labels is not None:
            numbers, self.class_names = as_classes(labels)
            self.labels = same_length(numbers, self.length)
        self._row = {id: row for row, id in enumerate(self.ids)}
        self.about = {"name": name, "kind": self.kind, "shape of an example": list(self.inputs.shape[1:]), "values": how}

    def pick(self, ids: Sequence[str]) -> Batch:
        rows = torch.tensor([self._row[id] for id in ids])
        x = self.inputs[rows]
        if x.is_floating_point() and not bool(torch.isfinite(x).all()):
            bad = (~torch.isfinite(x.flatten(1)).all(1)).nonzero()[0].item()
            raise CensusError(f"Inputs must be finite. Got NaN or inf in example {ids[int(bad)]!r} of {self.name}.")
        return Batch(x, tuple(ids), None if self.labels is None else self.labels[rows])


def as_floats(inputs: Any) -> tuple[Tensor, str]:
    """A floating tensor, and what was done to get it; whole numbers wider than a byte stay as they are (tokens)."""
    x = inputs if isinstance(inputs, Tensor) else torch.from_numpy(np.ascontiguousarray(_numeric(inputs)))
    if x.dtype == torch.uint8:
        return x.float() / 255, "bytes divided by 255"
    if x.dtype == torch.float64:
        return x.float(), "as they are, in float32"
    if x.dtype == torch.bool:
        return x.float(), "truth values as 0 and 1"
    return x, "as they are"


def _numeric(inputs: Any) -> np.ndarray[Any, Any]:
    values = np.asarray(inputs)
    if values.dtype.kind not in "fiub":
        raise CensusError(f"data must be numbers. Got an array of {values.dtype}.")
    return values


def open_npz(file: str, labels: Any = None) -> Arrays:
    """The arrays of an npz file: inputs under "inputs" or "x", labels, where there are any, under "labels" or "y"."""
    path = Path(file)
    if not path.is_file():
        raise CensusError(f"{file} must be an npz file. Got no such file.")
    try:
        with np.load(path, allow_pickle=False) as held:
            found = {name: held[name] for name in held.files}
    except Exception as error:
        raise CensusError(f"{file} must be an npz file of plain arrays. It cannot be read: {error}") from error
    inputs = next((n for n in INPUT_NAMES if n in found), None)
    target = next((n for n in LABEL_NAMES if n in found), None)
    if inputs is None:
        rest = [n for n in found if n != target]
        if len(rest) != 1:
            raise CensusError(f"{file} must hold an array named inputs or x. Got {', '.join(found) or 'none'}.")
        inputs = rest[0]
    given = labels if labels is not None else found.get(target) if target else None
    return Arrays(found[inputs], given, name=f"npz:{path.name}")
