"""How far images lie from the data, as a whole layer sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..layers.layer import Layer
from ..layers.net import call
from ..layers.tap import tap
from .subject import Subject, spatial_mean

FEWEST = 20  # examples from which on there is a spread to measure with
PART = 32  # images at a time


def distances(subject: Subject, layers: Sequence[str], x: Tensor) -> list[float | None]:
    """For each image (n, channels, height, width) of 0..1, how far its own layer's response is from the data's.

    layers: one name for each image. The response is the spatial mean of every unit; it is measured from the examples'
    mean in their standard deviations, root mean square over units, and divided by the same of the furthest example: 1
    is as far as the data go. None with fewer than FEWEST examples, or where no unit differs between them.
    """
    out: list[float | None] = [None] * len(x)
    if sum(len(batch.ids) for batch in subject.batches) < FEWEST:
        return out
    for name in dict.fromkeys(layers):
        rows = [row for row, other in enumerate(layers) if other == name]
        for row, value in zip(rows, _of_layer(subject, name, x[rows]), strict=True):
            out[row] = value
    return out


def _of_layer(subject: Subject, name: str, x: Tensor) -> list[float | None]:
    data = subject.means(name, 0).astype(np.float64)
    middle, spread = data.mean(0), data.std(0)
    vary = spread > 1e-6 * np.abs(data).max()
    if not vary.any():
        return [None] * len(x)

    def far(means: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = (means - middle)[:, vary] / spread[vary]
        return np.asarray(np.sqrt((scaled**2).mean(1)))

    furthest = float(far(data).max())
    return [float(value) / furthest for value in far(layer_means(subject, name, x))]


def layer_means(subject: Subject, name: str, x: Tensor) -> NDArray[np.float64]:
    """(n, units) spatial means of a layer for images of 0..1."""
    parts: list[NDArray[np.float32]] = []

    def sink(which: Layer, seen: Tensor) -> None:
        parts.append(spatial_mean(which, seen))

    parameter = next(subject.net.parameters(), None)
    images = subject.input_space.to_net(x)
    with tap(subject.net, [other for other in subject.layers if other.name == name], sink), torch.no_grad():
        for part in images.split(PART):  # type: ignore[no-untyped-call]
            call(subject.net, part if parameter is None else part.to(parameter.device, parameter.dtype))
    return np.concatenate(parts).astype(np.float64)
