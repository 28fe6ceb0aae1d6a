"""Data whose examples are given groups beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from ..errors import CensusError
from .around import Around
from .batch import Batch
from .groups import Groups, group_keys, same_length
from .replay import portions
from .source import Skip, Source


class Grouped(Around):
    """Another source with a group for each example, in place of any that the data name.

    groups: one per example in the data's own order; of a stream they are taken as it is read.
    """

    def __init__(self, source: Source, groups: Groups) -> None:
        super().__init__(source)
        self._groups = group_keys(groups)
        self._of: dict[str, int] = {}
        if source.ids is not None:
            rows, examples = source.rows()
            same_length(self._groups, examples)
            self._of = dict(zip(source.ids, (int(self._groups[row]) for row in rows), strict=True))

    @property
    def about(self) -> dict[str, Any]:  # type: ignore[override]
        """What the data say of themselves, and where the groups come from."""
        return self.source.about | {"groups": "given beside the data"}

    def pick(self, ids: Sequence[str]) -> Batch:
        return self._with_groups(self.source.pick(ids))

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        if self._of:
            yield from map(self._with_groups, self.source.batches(size, skip))
            return
        start = 0
        for batch in self.source.batches(size):  # where each stands is known only while nothing is left out
            own = self._groups[start : start + len(batch.ids)]
            if len(own) < len(batch.ids):
                raise CensusError(f"groups must have one entry for each example. Got {len(self._groups):,} for more.")
            start += len(batch.ids)
            yield from portions(replace(batch, groups=own), size, skip)
        same_length(self._groups, start)

    def _with_groups(self, batch: Batch) -> Batch:
        return replace(batch, groups=torch.tensor([self._of[id] for id in batch.ids], dtype=torch.int64))
