"""Whether images of one objective that began differently show a layer the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .distance import layer_means
from .subject import Subject


def agreements(
    subject: Subject, layers: Sequence[str], x: Tensor, others: Sequence[Tensor]
) -> list[float | None]:  # fmt: skip
    """For each image, the mean correlation of its own layer's response with that to the images of the other starts.

    x, and each of others: (n, channels, height, width) of 0..1; layers: one name for each image. A response is the
    spatial mean of every unit, measured from the examples' mean in their standard deviations, or without examples from
    the mean of these images. None where a response does not vary over units.
    """
    out: list[float | None] = [None] * len(x)
    for name in dict.fromkeys(layers):
        rows = [row for row, other in enumerate(layers) if other == name]
        seen = [layer_means(subject, name, images[rows]) for images in (x, *others)]
        data = subject.means(name, 0).astype(np.float64) if subject.batches else np.concatenate(seen)
        middle, spread = data.mean(0), data.std(0)
        vary = spread > 1e-6 * max(float(np.abs(data).max()), 1e-30)
        first, *rest = ((means - middle)[:, vary] / spread[vary] for means in seen)
        for index, row in enumerate(rows):
            values = [_correlation(first[index], other[index]) for other in rest]
            known = [value for value in values if value is not None]
            out[row] = float(np.mean(known)) if known else None
    return out


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
