"""The few examples that every reading looks at: the same ones throughout a run, and in every run of the same data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..count.fit import suited
from ..data.batch import Batch, tensors
from ..data.keys import key
from ..data.open import open_data
from ..data.source import Source
from ..data.unique import Unique
from ..data.views import Views, make_view, open_views
from ..errors import CensusError
from ..intervene.examples import BATCH, Examples
from ..models.model import Model
from ..models.open import open_model
from ..tally.groups import halves
from .options import WatchOptions

KEPT = 64_000_000  # bytes up to which perturbed views are kept and not made again


@dataclass(frozen=True)
class FixedPanel:
    """Examples that are read again and again, with two perturbed views of each."""

    model: Model
    source: Source
    batches: tuple[Batch, ...]
    views: Views
    seed: int
    made: list[tuple[Batch, Batch]] = field(default_factory=list)  # the views of each batch, where they are small

    @property
    def keys(self) -> Tensor:
        """(examples,) int64, in the order of the batches."""
        return torch.tensor([key(id) for batch in self.batches for id in batch.ids])

    @property
    def labels(self) -> Tensor:
        """(examples,) int64, -1 where none is known."""
        return torch.cat([torch.full((len(b.ids),), -1) if b.labels is None else b.labels.long() for b in self.batches])

    @property
    def groups(self) -> Tensor:
        """(examples,) int64, equal where examples share a source."""
        return torch.cat([b.sources(torch.tensor([key(id) for id in b.ids])) for b in self.batches])

    def shown(self) -> Iterator[tuple[Batch, Batch]]:
        """Two perturbed views of each batch, kept from the first time on where they are small."""
        if self.made:
            yield from self.made
            return
        bytes = sum(x.numel() * x.element_size() for batch in self.batches for x in tensors(batch.inputs))
        for batch in self.batches:
            pair = tuple(make_view(self.views, batch, self.seed, view) for view in (0, 1))
            if 2 * bytes <= KEPT:
                self.made.append((pair[0], pair[1]))
            yield pair[0], pair[1]

    def examples(self) -> Examples:
        """One half of the panel that chooses directions, and one that judges them."""
        order = self.keys.argsort()
        side = torch.empty_like(order).index_copy_(0, order, halves(self.groups[order]))
        starts = np.cumsum([0, *(len(batch.ids) for batch in self.batches)])
        both: tuple[list[Batch], list[Batch]] = ([], [])
        for batch, start in zip(self.batches, starts, strict=False):
            for number, into in enumerate(both):
                rows = (side[start : start + len(batch.ids)] == number).nonzero().flatten()
                into.extend(batch.take(some) for some in rows.split(BATCH) if len(some))  # type: ignore[no-untyped-call]
        return Examples(*both)


def choose_panel(net: nn.Module, data: Any, options: WatchOptions) -> FixedPanel:
    """The examples with the smallest keys, copies left out; of data whose ids are not known, the first ones.

    Raises:
        CensusError: the data can be read only once, or hold too few examples.
    """
    model = open_model(net)
    source = open_data(data, prepare=model.prepare)
    if not source.reusable:
        raise CensusError(
            "data must be a data set that can be read again: the panel must not take examples from the training. "
            f"Got {source.name}, which can be read once. Give a Dataset, an array or a list of examples."
        )
    source = Unique(suited(model, source))
    batches = tuple(_chosen(source, options))
    examples = sum(len(batch.ids) for batch in batches)
    if examples < 16:
        raise CensusError(f"data must hold at least 16 examples for a panel. Got {examples}.")
    return FixedPanel(model, source, batches, open_views(options.views, source), options.seed)


def _chosen(source: Source, options: WatchOptions) -> Iterator[Batch]:
    if source.ids is None:
        yield from source.peek(options.panel, options.batch)
        return
    wanted = set(sorted(map(key, source.ids))[: options.panel])
    yield from source.batches(options.batch, skip=lambda id: key(id) not in wanted)
