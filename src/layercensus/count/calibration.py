"""The examples on which an untrained net's normalisation statistics are estimated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from ..data.batch import Batch, joined, tensors
from ..data.keys import key
from ..data.source import Source

CALIBRATION = 256  # examples on which the twin's normalisation statistics are estimated
CALIBRATION_BATCH = 32


def calibration(source: Source) -> Iterator[Batch]:
    """Examples for the twin's normalisation statistics, in groups of one size, since each group weighs the same.

    They are the same for any batch size and, where ids are known before reading, for any order.
    """
    if source.ids is not None:
        ids = sorted(source.ids, key=key)[:CALIBRATION]
        for some in np.array_split(np.arange(len(ids)), math.ceil(len(ids) / CALIBRATION_BATCH)):
            batch = source.pick([ids[row] for row in some])
            if batch.ids:
                yield batch
        return
    read = list(source.peek(CALIBRATION, CALIBRATION_BATCH))
    shapes = {tuple(x.shape[1:] for x in (*tensors(b.inputs), *([] if b.mask is None else [b.mask]))) for b in read}
    if len(shapes) > 1:  # sentences of unequal length
        yield from read
        return
    batch = joined(read)
    order = torch.tensor(sorted(range(len(batch.ids)), key=lambda row: key(batch.ids[row])))
    for rows in order.tensor_split(math.ceil(len(order) / CALIBRATION_BATCH)):
        yield batch.take(rows)
