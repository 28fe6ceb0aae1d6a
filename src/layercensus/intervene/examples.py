"""The panel's examples, read once more: one half calibrates, the other is held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..count.calibration import CALIBRATION
from ..data.batch import Batch
from ..data.keys import key
from ..data.source import Source

Keys = NDArray[np.int64]
BATCH = 32  # examples whose activations are held for a backward pass
LEAST = 4  # examples on each side, below which nothing is tried


@dataclass(frozen=True)
class Examples:
    """Batches of the examples that choose directions, and of those that judge them."""

    calibration: Sequence[Batch]
    held_out: Sequence[Batch]

    @property
    def enough(self) -> bool:
        """Whether both sides hold some."""
        return min(self.calibrating, self.judging) >= LEAST

    @property
    def calibrating(self) -> int:
        """How many choose directions."""
        return sum(len(batch.ids) for batch in self.calibration)

    @property
    def judging(self) -> int:
        """How many are held out."""
        return sum(len(batch.ids) for batch in self.held_out)


def read_examples(source: Source, panel: Keys, *, calibration: int, held_out: int, batch: int) -> Examples:
    """The first examples of each half of the panel, by their keys.

    panel: ascending keys. Of data that can be read only once those that are kept are halved instead.
    """
    size = min(batch, BATCH)
    if source.reusable:
        read = list(_picked(source, np.concatenate([panel[0::2][:calibration], panel[1::2][:held_out]]), size))
    else:
        read = list(source.peek(CALIBRATION, size))
        panel = np.sort(np.array([key(id) for part in read for id in part.ids], dtype=np.int64))
    halves = (panel[0::2][:calibration], panel[1::2][:held_out])
    return Examples(*([part for part in (_of(batch, half) for batch in read) if part.ids] for half in halves))


def _picked(source: Source, keys: Keys, size: int) -> Iterator[Batch]:
    wanted = set(keys.tolist())
    yield from source.batches(size, skip=lambda id: key(id) not in wanted)


def _of(batch: Batch, keys: Keys) -> Batch:
    """Those of the batch's examples that are among these."""
    wanted = set(keys.tolist())
    rows = [row for row, id in enumerate(batch.ids) if key(id) in wanted]
    return batch.take(torch.tensor(rows, dtype=torch.int64))
