"""A net, its layers and the examples that it is looked at with; what several pictures need of them is computed once."""

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
from .input_space import Palette
from .natural import Natural
from .objective_values import Enough
from .objectives import Objective


@dataclass(frozen=True)
class Looking:
    """palette: None where the net takes no images, with the reason in `missing`. replicas: other training runs."""

    net: nn.Module
    layers: Sequence[Layer]
    source: Source | None
    batches: Sequence[Batch]
    palette: Palette | None
    replicas: tuple[tuple[nn.Module, tuple[Layer, ...]], ...] = ()
    missing: str = ""
    _means: dict[tuple[str, int], NDArray[np.float32]] = field(default_factory=dict)
    naturals: dict[tuple[Objective, ...], Natural] = field(default_factory=dict)
    _fields: dict[tuple[str, tuple[int, int]], Field | None] = field(default_factory=dict)

    def means(self, layer: str, run: int) -> NDArray[np.float32]:
        """(examples, units): spatial means of a layer; run 0 is the net, those after it the replicas."""
        if (layer, run) not in self._means:
            net, layers = (self.net, self.layers) if run == 0 else self.replicas[run - 1]
            parts: list[NDArray[np.float32]] = []

            def sink(which: Layer, x: Tensor) -> None:
                parts.append(
                    x.movedim(which.unit_axis, 1).flatten(2).mean(2).float().cpu().numpy()
                    if x.ndim > 2
                    else x.float().cpu().numpy()
                )

            with tap(net, [one for one in layers if one.name == layer], sink):
                for batch in self.batches:
                    call(net, batch.for_net(net))
            self._means[layer, run] = np.concatenate(parts)
        return self._means[layer, run]

    def best(self, rows: Sequence[int]) -> Tensor | None:
        """These examples in 0..1, where they are as large as the pictures that are made."""
        assert self.palette is not None
        starts = np.cumsum([0, *(len(batch.ids) for batch in self.batches)])
        found = []
        for row in rows:
            at = int(np.searchsorted(starts, row, side="right")) - 1
            found.append(tensors(self.batches[at].inputs)[0][row - int(starts[at])].float().cpu())
        if any(one.shape != self.palette.shape for one in found):
            return None
        return self.palette.from_net(torch.stack(found)).clamp(0, 1)

    def field(self, layer: str, side: tuple[int, int] | None = None) -> Field | None:
        """What positions of a layer's map can see of a picture of this size, that of the palette by default.

        None where the layer is not reached at that size.
        """
        assert self.palette is not None
        side = side or self.palette.shape[1:]
        if (layer, side) not in self._fields:
            self._fields[layer, side] = self._followed(layer, side)
        return self._fields[layer, side]

    def _followed(self, layer: str, side: tuple[int, int]) -> Field | None:
        assert self.palette is not None
        found: list[Field] = []
        parameter = next(self.net.parameters(), None)
        x = torch.zeros(1, self.palette.shape[0], *side)
        x = x if parameter is None else x.to(parameter.device, parameter.dtype)
        with following(self.net, x) as receptive:

            def sink(which: Layer, seen: Tensor) -> None:
                found.append(receptive.field(seen, which.unit_axis))
                raise Enough

            with suppress(Enough), tap(self.net, [one for one in self.layers if one.name == layer], sink):
                call(self.net, x)
        return found[0] if found else None

    def adds_up(self, layer: str) -> bool:
        """Whether units of a layer are close to weighted sums of pixels, or see only a small part of a picture.

        At most one nonlinearity comes before it, or its positions see at most a third of the width or height.
        """
        assert self.palette is not None
        place = next(one for one in self.layers if one.name == layer)
        if sum(one.role == "neurons" and one.order < place.order for one in self.layers) <= 1:
            return True
        field, side = self.field(layer), self.palette.shape[1:]
        lines = () if field is None else field.lines
        return any(line is not None and 3 * line[1].size <= n for line, n in zip(lines, side, strict=False))
