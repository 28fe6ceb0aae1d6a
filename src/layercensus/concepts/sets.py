"""A set of concepts: names, and for examples that are read which of them each has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor

from ..data.batch import Batch
from ..data.source import Source
from ..errors import CensusError, some_of

MOST = 5000  # concepts of a set


@dataclass(frozen=True)
class Places:
    """Which positions of a layer's map are read of each example of a batch."""

    index: Tensor  # (examples, spots) int64, in the flattened map; -1: no place of the example, such as a class token
    grid: tuple[int, ...]  # sizes of the map: (height, width), or (tokens,)


@dataclass(frozen=True)
class ConceptSet:
    """Names of concepts, and functions from a batch to their values: above 0 there, 0 or less not, nan unknown.

    Of a graded concept (how bright) the values say how much, and an example has it where it is in the upper quarter.
    """

    name: str
    concepts: tuple[str, ...]
    values: Callable[[Batch], Tensor] | None = None  # (examples, concepts) float32, of whole examples
    at: Callable[[Batch, Places], Tensor] | None = None  # (examples, spots, concepts) float32, of positions
    graded: bool = False
    digest: str = ""  # of everything that decides the values

    def __post_init__(self) -> None:
        if not self.concepts:
            raise CensusError(f"The set {self.name!r} must name a concept. Got none.")
        if len(self.concepts) > MOST:
            raise CensusError(
                f"The set {self.name!r} must name at most {MOST:,} concepts. Got {len(self.concepts):,}: is it a "
                "column of ids?"
            )
        twice = (
            sorted({name for name in self.concepts if self.concepts.count(name) > 1})
            if len(self.concepts) < 999
            else []
        )
        if twice:
            raise CensusError(f"The set {self.name!r} must name each concept once. Got {some_of(twice)} again.")


@dataclass(frozen=True)
class Table:
    """Values by the id of an example."""

    row: Mapping[str, int]
    value: Tensor  # (rows, concepts) float32

    def __call__(self, batch: Batch) -> Tensor:
        """(examples, concepts), nan for an example without a row."""
        rows = torch.tensor([self.row.get(id, -1) for id in batch.ids], dtype=torch.int64)
        return torch.where(rows[:, None] >= 0, self.value[rows.clamp(min=0)], torch.nan)


def table(
    name: str, concepts: Sequence[str], rows: Mapping[str, int], value: Tensor, *, graded: bool = False
) -> ConceptSet:
    """The set of these values, (rows, concepts), by the id of the example."""
    value = value.float()
    digest = sha256(repr((name, tuple(concepts), sorted(rows.items()))).encode() + value.numpy().tobytes())
    return ConceptSet(name, tuple(concepts), Table(dict(rows), value), None, graded, digest.hexdigest())


def rows_by_order(source: Source, given: int, what: str) -> dict[str, int]:
    """Which entry of something with one entry an example belongs to each id.

    Raises:
        CensusError: ids are not known before reading, or there are more or fewer entries than examples.
    """
    if source.ids is None:
        raise CensusError(f"{what} must be of data whose examples are known before they are read. Got {source.name}.")
    entries, length = source.rows()
    if given != length:
        raise CensusError(f"{what} must have one entry for each of the {length:,} examples. Got {given:,}.")
    return dict(zip(source.ids, entries, strict=True))


def rows_by_id(source: Source, ids: Sequence[str], what: str) -> dict[str, int]:
    """Which entry belongs to each id, where the entries say so; examples without one are unknown.

    Raises:
        CensusError: an id that no example has, or one twice.
    """
    rows = {id: row for row, id in enumerate(ids)}
    if len(rows) < len(ids):
        twice = next(id for row, id in enumerate(ids) if rows[id] != row)
        raise CensusError(f"{what} must name each example once. Got {twice!r} again.")
    known = set(source.ids or ())
    unknown = next((id for id in ids if id not in known), None)
    if unknown is not None:
        first = next(iter(source.ids or ()), "none")
        raise CensusError(f"{what} must name examples of {source.name} (such as {first!r}). Got {unknown!r}.")
    return rows
