"""What a batch may look like in Python, and a Batch made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError
from .batch import Batch, Inputs, each, tensors
from .groups import group_keys
from .groups import same_length as same_number
from .labels import Classes, Labels, named, same_length
from .numbers import KINDS, as_floats, as_tensor, first_not_finite, one_of_several
from .understood import GRAPH, NAMED, TWO, as_parts

SHAPE = 'a batch must be inputs, (inputs,), (inputs, labels) or a dict with "inputs"'


@dataclass(frozen=True)
class Parts:
    """A batch as a loader gives it, taken apart; nothing but the form is checked."""

    inputs: Inputs  # tensors alone
    examples: int
    how: str  # what was done to the values
    labels: Labels | None
    mask: Tensor | None
    ids: tuple[str, ...] | None
    groups: Tensor | None = None  # (examples,) int64, as `group_keys` makes them

    @property
    def names(self) -> set[str] | None:
        """The names among the labels; None where these are no names, none where no example has a label."""
        return named(self.labels)

    def take(self, rows: Tensor) -> Parts:
        """These examples alone, without labels, whose kind depends on all of a batch; rows (chosen,) int64."""
        ids = None if self.ids is None else tuple(self.ids[int(row)] for row in rows)
        mask = None if self.mask is None else self.mask[rows]
        groups = None if self.groups is None else self.groups[rows]
        return Parts(each(self.inputs, lambda x: x[rows]), len(rows), self.how, None, mask, ids, groups)


def parts(raw: Any) -> Parts:
    """The parts of a raw batch.

    Raises:
        CensusError: for another form, or parts of unequal length.
    """
    labels = mask = ids = groups = None
    raw = as_parts(raw)
    if isinstance(raw, Mapping):
        rest = dict(raw)
        for one, many in (("label", "labels"), ("group", "groups")):  # as rows of Hugging Face's datasets have it
            if one in rest and many not in rest:
                rest[many] = rest.pop(one)
        labels, mask, ids, groups = (rest.pop(name, None) for name in ("labels", "mask", "ids", "groups"))
        raw = rest.get("inputs", rest)
    elif isinstance(raw, (tuple, list)):
        if len(raw) not in (1, 2) or _scalar(raw[0]):
            named = f": pass {NAMED}, or {TWO}" if len(raw) > 2 and not _scalar(raw[0]) else ""
            raise CensusError(f"{SHAPE}. Got a {type(raw).__name__} of {len(raw)}{named}.")
        raw, labels = raw[0], raw[1] if len(raw) == 2 else None
    inputs, how = _inputs(raw)
    n = _examples(inputs)
    if mask is None and isinstance(inputs, dict):
        mask = inputs.get("attention_mask")
    if isinstance(labels, Mapping):
        labels = torch.full((n,), 0.5)  # what is no class
    names = None if ids is None else tuple(str(i.item() if isinstance(i, Tensor) else i) for i in ids)
    if names is not None and len(names) != n:
        raise CensusError(f"ids must name each of the {n} examples of a batch. Got {len(names)}.")
    if mask is not None and len(mask) != n:
        raise CensusError(f"mask must have a row for each of the {n} examples of a batch. Got {len(mask)}.")
    groups = None if groups is None else same_number(group_keys(groups), n)
    return Parts(inputs, n, how, labels, None if mask is None else torch.as_tensor(mask).bool(), names, groups)


def as_batch(parsed: Parts, ids: tuple[str, ...], classes: Classes) -> Batch:
    """The batch with these ids, when its values are finite and each example has a label, or none has."""
    labels = numbers_of(parsed, classes)
    for x in tensors(parsed.inputs):
        bad = first_not_finite(x)
        if bad is not None:
            raise CensusError(f"Inputs must be finite. Got NaN or inf in example {ids[bad]!r}.")
    return Batch(parsed.inputs, ids, labels, parsed.mask, parsed.groups)


def numbers_of(parsed: Parts, classes: Classes) -> Tensor | None:
    """(examples,) int64, the labels of a batch as class numbers; None where it has no labels."""
    return None if parsed.labels is None else same_length(classes.numbers(parsed.labels), parsed.examples)


def kind_of(inputs: Inputs) -> str:
    """What an example looks like, from a batch's inputs."""
    first = tensors(inputs)[0]
    if (isinstance(inputs, dict) and "input_ids" in inputs) or not first.is_floating_point():
        return "tokens"
    return KINDS.get(first.ndim - 1, "arrays")


def shapes(inputs: Inputs) -> list[tuple[int, ...]]:
    """The shape of an example in every tensor."""
    return [tuple(x.shape[1:]) for x in tensors(inputs)]


def _inputs(raw: Any) -> tuple[Inputs, str]:
    if isinstance(raw, Mapping) or (isinstance(raw, (tuple, list)) and len(raw) and not _scalar(raw[0])):
        inputs = _all_tensors(raw)
        if not tensors(inputs):
            raise CensusError(f"{SHAPE}. Got an empty {type(raw).__name__}.")
        return each(inputs, one_of_several), "as they are, floating-point ones in float32"
    if not isinstance(raw, (Tensor, np.ndarray)) and not hasattr(raw, "__array__"):
        raise CensusError(f"{SHAPE}. Got {type(raw).__name__}.")
    x = as_tensor(raw)
    if x.ndim < 2:
        raise CensusError(f"Inputs must have an axis of examples and at least one more. Got shape {tuple(x.shape)}.")
    return as_floats(x)


def _all_tensors(raw: Any) -> Inputs:
    if isinstance(raw, Mapping):
        return {name: _all_tensors(value) for name, value in raw.items()}
    if isinstance(raw, (tuple, list)):
        return tuple(_all_tensors(value) for value in raw)
    return as_tensor(raw)


def _examples(inputs: Inputs) -> int:
    lengths = {len(x) if x.ndim else 0 for x in tensors(inputs)}
    if len(lengths) > 1:
        edges = any(x.ndim == 2 and len(x) == 2 and not x.is_floating_point() for x in tensors(inputs))
        raise CensusError(
            f"All inputs of a batch must have as many examples. Got {sorted(lengths)}.{f' {GRAPH}.' if edges else ''}"
        )
    return lengths.pop()


def _scalar(value: Any) -> bool:
    return isinstance(value, (int, float, str, bytes, np.generic)) or (isinstance(value, Tensor) and value.ndim == 0)
