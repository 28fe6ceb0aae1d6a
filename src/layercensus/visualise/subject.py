"""A net, its layers and the examples it is visualised with; what several images need of them is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.batch import Batch, tensors
from ..data.source import Source
from ..layers.field import Field
from ..layers.layer import Layer
from ..layers.net import call
from ..layers.receptive import following
from ..layers.tap import tap
from .input_space import InputSpace
from .objective import Objective
from .objective_values import StopForward
from .responses import Responses

LEAST_PATCH = 4  # pixels


@dataclass(frozen=True)
class Subject:
    """What is visualised, with everything about it that is computed once.

    space: None where the net takes no images, with the reason in `missing`. replicas: other training runs.
    """

    net: nn.Module
    layers: Sequence[Layer]
    source: Source | None
    batches: Sequence[Batch]
    space: InputSpace | None
    replicas: tuple[tuple[nn.Module, tuple[Layer, ...]], ...] = ()
    missing: str = ""
    responses: dict[tuple[Objective, ...], Responses] = field(default_factory=dict)
    _means: dict[tuple[str, int], NDArray[np.float32]] = field(default_factory=dict)
    _fields: dict[tuple[str, tuple[int, int]], Field | None] = field(default_factory=dict)

    @property
    def input_space(self) -> InputSpace:
        """What images for the net are; only of nets that take images."""
        assert self.space is not None
        return self.space

    def means(self, layer: str, run: int) -> NDArray[np.float32]:
        """(examples, units): spatial means of a layer; run 0 is the net, those after it the replicas."""
        if (layer, run) not in self._means:
            net, layers = (self.net, self.layers) if run == 0 else self.replicas[run - 1]
            parts: list[NDArray[np.float32]] = []

            def sink(which: Layer, x: Tensor) -> None:
                parts.append(spatial_mean(which, x))

            with tap(net, [other for other in layers if other.name == layer], sink):
                for batch in self.batches:
                    call(net, batch.for_net(net))
            self._means[layer, run] = np.concatenate(parts)
        return self._means[layer, run]

    def best(self, rows: Sequence[int]) -> list[Tensor]:
        """These examples, (channels, height, width) of 0..1, each as large as it is in the data."""
        starts = np.cumsum([0, *(len(batch.ids) for batch in self.batches)])
        inputs = []
        for row in rows:
            batch = int(np.searchsorted(starts, row, side="right")) - 1
            inputs.append(tensors(self.batches[batch].inputs)[0][row - int(starts[batch])].float().cpu())
        return [self.input_space.from_net(x).clamp(0, 1) for x in inputs]

    def field(self, layer: str, side: tuple[int, int] | None = None) -> Field | None:
        """What positions of a layer's map can see of an image of this size, that of the input space by default.

        None where the layer is not reached at that size.
        """
        side = side or self.input_space.shape[1:]
        if (layer, side) not in self._fields:
            self._fields[layer, side] = self._followed(layer, side)
        return self._fields[layer, side]

    def _followed(self, layer: str, side: tuple[int, int]) -> Field | None:
        fields: list[Field] = []
        parameter = next(self.net.parameters(), None)
        x = torch.zeros(1, self.input_space.shape[0], *side)
        x = x if parameter is None else x.to(parameter.device, parameter.dtype)
        with following(self.net, x) as receptive:

            def sink(which: Layer, seen: Tensor) -> None:
                fields.append(receptive.field(seen, which.unit_axis))
                raise StopForward

            with suppress(StopForward), tap(self.net, [other for other in self.layers if other.name == layer], sink):
                call(self.net, x)
        return fields[0] if fields else None

    def adds_up(self, layer: str) -> bool:
        """Whether units of a layer are close to weighted sums of pixels, or see only a small part of an image.

        At most one nonlinearity comes before it, or its positions see at most a third of the width or height.
        """
        order = next(other.order for other in self.layers if other.name == layer)
        if sum(other.role == "neurons" and other.order < order for other in self.layers) <= 1:
            return True
        field, side = self.field(layer), self.input_space.shape[1:]
        lines = () if field is None else field.lines
        return any(line is not None and 3 * line[1].size <= n for line, n in zip(lines, side, strict=False))

    @property
    def patch(self) -> int | None:
        """Side in pixels of the patches that a net cuts images into, as a vision transformer does; else None."""
        if self.space is None:
            return None
        channels = self.space.shape[0]
        for module in self.net.modules():
            if isinstance(module, nn.Conv2d) and module.in_channels == channels:
                (side, other), stride = module.kernel_size, tuple(module.stride)
                return side if side == other and stride == (side, side) and side >= LEAST_PATCH else None
        return None

    def token(self, layer: str, position: int) -> str:
        """Which token of a vision transformer a position is, in words; "" for layers that have none.

        Tokens before those of the patches stand for no place of the image.
        """
        shape = next(other.shape for other in self.layers if other.name == layer)
        unit_axis = next(other.unit_axis for other in self.layers if other.name == layer)
        if self.patch is None or len(shape) != 2 or position < 0:
            return ""
        h, w = (n // self.patch for n in self.input_space.shape[1:])
        before = shape[0 if unit_axis == 2 else 1] - h * w
        if before < 0:
            return ""
        if position < before:
            return "class token" if before == 1 else f"token {position + 1} of {before} without a place"
        row, column = divmod(position - before, w)
        return f"patch in row {row + 1} of {h}, column {column + 1} of {w}"

    def mapped(self, layer: Layer) -> bool:
        """Whether a layer gives a map (units, height, width) of which each position sees much of an image.

        What such a unit looks for stands many times in a picture of its mean, and need not fit into one place.
        """
        if self.space is None or len(layer.shape) != 3 or min(layer.shape[1:]) < 2:
            return False
        return not self.adds_up(layer.name)


def spatial_mean(layer: Layer, x: Tensor) -> NDArray[np.float32]:
    """(examples, units): the mean of each unit over its map, of a layer's output."""
    values = x.movedim(layer.unit_axis, 1).flatten(2).mean(2) if x.ndim > 2 else x
    return np.asarray(values.detach().float().cpu().numpy())
