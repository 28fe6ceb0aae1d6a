"""Which contents were met, each with the key of the example that stands for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RECENT = 65_536  # contents in a dict before they move to the sorted table, which takes 16 bytes each
Table = NDArray[np.int64]  # (contents, 2): a content and its key


class Seen:
    """Which contents were met, and the key of the example that each belongs to."""

    def __init__(self) -> None:
        self._content: NDArray[np.int64] = np.zeros(0, dtype=np.int64)  # sorted
        self._key: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._recent: dict[int, int] = {}

    def owner(self, content: int, key: int) -> int:
        """The key of the first example of this content, which is this one where it is new."""
        place = int(np.searchsorted(self._content, content))
        if place < len(self._content) and self._content[place] == content:
            return int(self._key[place])
        owner = self._recent.setdefault(content, key)
        if len(self._recent) >= RECENT:
            self.table()
        return owner

    def table(self) -> Table:
        """Each content with its key, sorted."""
        if self._recent:
            new = np.array(list(self._recent.items()), dtype=np.int64)
            self.add(new)
            self._recent = {}
        return np.stack([self._content, self._key], 1)

    def add(self, table: Table) -> None:
        """Remember what the table of an earlier count holds."""
        content, first = np.unique(np.concatenate([self._content, table[:, 0]]), return_index=True)
        self._content, self._key = content, np.concatenate([self._key, table[:, 1]])[first]


def owners(table: Table) -> tuple[Table, NDArray[np.int64]]:
    """Of each content the entry with the smallest key, and the keys of all other entries, whatever their order.

    >>> kept, copies = owners(np.array([[5, 9], [7, 1], [5, 2]]))
    >>> kept.tolist(), copies.tolist()
    ([[5, 2], [7, 1]], [9])
    """
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    _, first = np.unique(table[:, 0], return_index=True)
    kept = np.zeros(len(table), dtype=bool)
    kept[first] = True
    return table[kept], table[~kept, 1]
