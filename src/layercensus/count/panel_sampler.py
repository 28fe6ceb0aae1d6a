"""Which examples belong to the panel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.keys import key


class PanelSampler:
    """The examples with the smallest keys, decided as they come.

    ids: of everything that may be counted, where that is known before; None where the smallest met so far decide.
    spare: how many more are chosen, since some of the ids may turn out to be copies.
    """

    def __init__(self, capacity: int, ids: Sequence[str] | None, chosen: NDArray[np.int64], *, spare: int = 0) -> None:
        self.capacity = capacity
        self.smallest = np.sort(chosen)[:capacity]
        self.limit: int | None = None
        if ids is not None:
            keys = np.sort(np.fromiter((key(id) for id in ids), dtype=np.int64, count=len(ids)))
            some = capacity + spare
            self.limit = int(keys[some - 1]) if len(keys) > some else int(np.iinfo(np.int64).max)

    def choose(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of a batch that are in the panel, as far as one can know by now; asked again it may know more."""
        if self.limit is not None:
            return np.flatnonzero(keys <= self.limit)
        full = len(self.smallest) == self.capacity
        rows = np.flatnonzero(keys <= self.smallest[-1]) if full else np.arange(len(keys))
        self.smallest = np.unique(np.concatenate([self.smallest, keys[rows]]))[: self.capacity]
        return rows


class Everyone:
    """All examples belong to the panel."""

    def choose(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of a batch that are in the panel."""
        return np.arange(len(keys))


def left_out(capacity: int, ids: Sequence[str], counted: NDArray[np.int64], chosen: NDArray[np.int64]) -> list[str]:
    """Ids of the counted examples that belong to the panel and were not chosen, since fewer copies were foreseen.

    counted, chosen: (examples,) their keys.

    >>> left_out(2, ["a", "b", "c"], np.array([key("a"), key("b")]), np.array([key("b")]))
    ['a']
    """
    missing = set(np.setdiff1d(np.sort(counted)[:capacity], chosen).tolist())
    return [id for id in ids if key(id) in missing] if missing else []
