"""Some examples, ready for the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .groups import NO_GROUP

Inputs = Any  # a tensor, a dict of tensors (called as keywords), or a tuple of tensors


@dataclass(frozen=True)
class Batch:
    """Examples with their ids; in every tensor the examples are on axis 0."""

    inputs: Inputs
    ids: tuple[str, ...]  # unique over the data set; the row number where the data gives none
    labels: Tensor | None = None  # (examples,) int64
    mask: Tensor | None = None  # (examples, tokens) bool, True where a token counts
    groups: Tensor | None = None  # (examples,) int64, a number for each one's source; 0 where none is known

    def take(self, rows: Tensor) -> Batch:
        """These examples alone; rows (chosen,) int64."""
        ids = tuple(self.ids[int(row)] for row in rows)
        beside = (_rows(x, rows) for x in (self.labels, self.mask, self.groups))
        return Batch(each(self.inputs, lambda t: t[rows]), ids, *beside)

    def sources(self, keys: Tensor) -> Tensor:
        """(examples,) int64: the group of each example, its own key where none is known. keys: (examples,) int64."""
        return keys if self.groups is None else torch.where(self.groups == NO_GROUP, keys, self.groups)

    def first(self, n: int) -> Batch:
        """The first n examples."""
        return self.take(torch.arange(min(n, len(self.ids))))

    def with_inputs(self, inputs: Inputs) -> Batch:
        """The same examples with other inputs."""
        return replace(self, inputs=inputs)

    def for_net(self, net: nn.Module) -> Inputs:
        """The inputs on the net's device, floating-point ones in the net's own precision."""
        parameter = next((p for p in net.parameters() if p.is_floating_point()), None)
        if parameter is None:
            return self.inputs
        own = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
        inputs = moved(self.inputs, parameter.device)
        return cast(inputs, parameter.dtype) if parameter.dtype in own else inputs


def moved(inputs: Inputs, device: torch.device | str) -> Inputs:
    """The inputs on a device; those that wait in pinned memory while the device still works on what came before."""
    return each(inputs, lambda t: t.to(device, non_blocking=t.device.type == "cpu" and t.is_pinned()))


def cast(inputs: Inputs, dtype: torch.dtype) -> Inputs:
    """The inputs with every floating-point tensor in `dtype`; integers and booleans stay as they are."""
    return each(inputs, lambda t: t.to(dtype) if t.is_floating_point() else t)


def each(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> Inputs:
    """The inputs with every tensor changed."""
    if isinstance(inputs, Tensor):
        return change(inputs)
    if isinstance(inputs, dict):
        return {name: each(value, change) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return tuple(each(value, change) for value in inputs)
    return inputs


def tensors(inputs: Inputs) -> list[Tensor]:
    """Every tensor of the inputs, in their own order."""
    if isinstance(inputs, Tensor):
        return [inputs]
    values = inputs.values() if isinstance(inputs, dict) else inputs if isinstance(inputs, (tuple, list)) else ()
    return [tensor for value in values for tensor in tensors(value)]


def joined(batches: list[Batch]) -> Batch:
    """One batch of all examples of several, which must have equal shapes and parts."""
    first = batches[0]
    if len(batches) == 1:
        return first
    ids = tuple(id for batch in batches for id in batch.ids)
    labels = None if first.labels is None else torch.cat([b.labels for b in batches if b.labels is not None])
    mask = None if first.mask is None else torch.cat([b.mask for b in batches if b.mask is not None])
    groups = None if first.groups is None else torch.cat([b.groups for b in batches if b.groups is not None])
    return Batch(together([batch.inputs for batch in batches], torch.cat), ids, labels, mask, groups)


def together(parts: list[Inputs], join: Callable[[list[Tensor]], Tensor]) -> Inputs:
    """Inputs of one form, joined tensor by tensor."""
    first = parts[0]
    if isinstance(first, Tensor):
        return join(list(parts))
    if isinstance(first, dict):
        return {name: together([part[name] for part in parts], join) for name in first}
    if isinstance(first, tuple):
        return tuple(together([part[i] for part in parts], join) for i in range(len(first)))
    return first


def copied(x: Tensor) -> Tensor:
    """A copy that may be written to."""
    return torch.from_numpy(x.numpy().copy()) if _plain(x) else x.clone()


def stacked(examples: list[Tensor]) -> Tensor:
    """(examples, ...) from single examples; those that are all rows of one tensor, in their order, are that tensor."""
    whole = examples[0]._base if examples else None
    if whole is not None and _rows_of(whole, examples):
        return whole
    if all(map(_plain, examples)):
        return torch.from_numpy(np.stack([x.numpy() for x in examples]))
    return torch.stack(examples)


def _rows_of(whole: Tensor, examples: list[Tensor]) -> bool:
    if whole.shape != (len(examples), *examples[0].shape):
        return False
    return all(x._base is whole and x.data_ptr() == row.data_ptr() for x, row in zip(examples, whole, strict=True))


def _plain(x: Tensor) -> bool:
    """Whether numpy can copy it; on busy cores torch takes ten times as long, since its threads wait for each other."""
    return x.device.type == "cpu" and x.dtype != torch.bfloat16


def _rows(value: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if value is None else value[rows]
