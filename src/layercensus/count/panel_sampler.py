"""Which examples belong to the panel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.keys import key


class PanelSampler:
    """The examples with the smallest keys, decided as they come.

    ids: of everything that will be counted, where that is known before; None where the smallest met so far decide.
    """

    def __init__(self, capacity: int, ids: Sequence[str] | None, chosen: NDArray[np.int64]) -> None:
        self.capacity = capacity
        self.smallest = np.sort(chosen)[:capacity]
        self.limit: int | None = None
        if ids is not None:
            keys = np.sort(np.fromiter((key(id) for id in ids), dtype=np.int64, count=len(ids)))
            self.limit = int(keys[capacity - 1]) if len(keys) > capacity else int(np.iinfo(np.int64).max)

    def choose(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of a batch that are in the panel, as far as one can know by now; asked again it may know more."""
        if self.limit is not None:
            return np.flatnonzero(keys <= self.limit)
        full = len(self.smallest) == self.capacity
        rows = np.flatnonzero(keys <= self.smallest[-1]) if full else np.arange(len(keys))
        self.smallest = np.unique(np.concatenate([self.smallest, keys[rows]]))[: self.capacity]
        return rows
