"""Some examples, ready for the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

Inputs = Any  # a tensor, a dict of tensors (called as keywords), or a tuple of tensors


@dataclass(frozen=True)
class Batch:
    """Examples with their ids; in every tensor the examples are on axis 0."""

    inputs: Inputs
    ids: tuple[str, ...]  # unique over the data set; the row number where the data gives none
    labels: Tensor | None = None  # (examples,) int64
    mask: Tensor | None = None  # (examples, tokens) bool, True where a token counts

    def take(self, rows: Tensor) -> Batch:
        """These examples alone; rows (chosen,) int64."""
        ids = tuple(self.ids[int(row)] for row in rows)
        return Batch(each(self.inputs, lambda t: t[rows]), ids, _rows(self.labels, rows), _rows(self.mask, rows))

    def first(self, n: int) -> Batch:
        """The first n examples."""
        return self.take(torch.arange(min(n, len(self.ids))))

    def with_inputs(self, inputs: Inputs) -> Batch:
        """The same examples with other inputs."""
        return replace(self, inputs=inputs)

    def for_net(self, net: nn.Module) -> Inputs:
        """The inputs on the net's device, floating ones in the net's own precision."""
        parameter = next((p for p in net.parameters() if p.is_floating_point()), None)
        if parameter is None:
            return self.inputs
        device, half = parameter.device, parameter.dtype in (torch.float16, torch.bfloat16, torch.float64)

        def ready(t: Tensor) -> Tensor:
            return t.to(device, parameter.dtype) if half and t.is_floating_point() else t.to(device)

        return each(self.inputs, ready)


def each(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> Inputs:
    """The inputs with every tensor changed."""
    if isinstance(inputs, Tensor):
        return change(inputs)
    if isinstance(inputs, dict):
        return {name: each(value, change) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return type(inputs)(each(value, change) for value in inputs)
    return inputs


def tensors(inputs: Inputs) -> list[Tensor]:
    """Every tensor of the inputs."""
    found: list[Tensor] = []
    each(inputs, lambda t: (found.append(t), t)[1])
    return found


def _rows(value: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if value is None else value[rows]
