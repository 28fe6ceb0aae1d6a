"""A net, its layers and the examples that it is looked at with; what several pictures need of them is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.batch import Batch, tensors
from ..data.source import Source
from ..models.field import Field
from ..models.layers import Layer, call
from ..models.receptive import following
from ..tap import tap
from .palette import Palette


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
    _fields: dict[str, Field | None] = field(default_factory=dict)

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

    def field(self, layer: str) -> Field | None:
        """What positions of a layer's map can see of an image; None where that is not known."""
        if layer not in self._fields:
            self._fields[layer] = self._followed(layer) if self.palette is not None and self.batches else None
        return self._fields[layer]

    def _followed(self, layer: str) -> Field | None:
        found: list[Field] = []
        inputs = self.batches[0].first(1).for_net(self.net)
        first = tensors(inputs)[0]
        with following(self.net, first) as receptive:

            def sink(which: Layer, x: Tensor) -> None:
                found.append(receptive.field(x, which.unit_axis))

            with tap(self.net, [one for one in self.layers if one.name == layer], sink):
                call(self.net, inputs)
        return found[0] if found else None
