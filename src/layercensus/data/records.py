"""Rows of a table, whatever it is kept in: read as they are needed, decoded by the model's convention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import CensusError
from ..models.prepare import Prepare
from .batch import Batch, tensors
from .columns import columns_of
from .encoder import Encoder, kind_of_numbers
from .groups import group_keys
from .labels import Labels, as_classes, described, same_length
from .numbers import first_not_finite
from .reading import one_line
from .request import Request
from .source import Source, unique

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows with named entries that can be read in any order."""

    name: str
    length: int
    read: Callable[[Sequence[int], Sequence[str] | None], list[Row]]  # rows, and which columns: None for all
    ids: Sequence[str] | None = None
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by the column whose integers they name
    kept: Mapping[str, list[Any]] = field(default_factory=dict)  # whole columns that are known without reading rows
    seconds: float | None = None  # of each sound
    about: Mapping[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> list[Any]:
        """A whole column."""
        known = self.kept.get(name)
        return [row[name] for row in self.read(range(self.length), [name])] if known is None else known


class Records(Source):
    """The rows of a table; ids are those that it names, else row numbers.

    Raises:
        CensusError: it is empty, has no column that the model takes, or several that could be it.
    """

    def __init__(self, table: Table, request: Request, asked: Sequence[str] = ()) -> None:
        if table.length == 0:
            raise CensusError(f"data must hold at least one example. Got none in {table.name}.")
        self.table, self.name, self.length = table, table.name, table.length
        self.prepare: Prepare = request.prepare or Prepare()
        first = table.read([0], None)[0]
        self.columns = columns_of(first, table.name, asked, self.prepare, request.groups)
        self.encoder = Encoder(self.columns, self.prepare, first, table.seconds)
        self.ids = self._ids()
        self._row = {id: row for row, id in enumerate(self.ids)}
        self._labels, origin = self._labelled(request.labels)
        self._know_the_kind(first)
        self.about = {"name": self.name, "kind": self.kind, "examples": self.length, "inputs": self.encoder.said} | {
            **table.about, "labels": origin,
        } | ({"groups": f"column {self.columns.group}"} if self.columns.group else {})  # fmt: skip

    def _ids(self) -> tuple[str, ...]:
        """The table's ids where they are unique, else row numbers."""
        named = self.table.ids
        if named is None and self.columns.id is not None:
            named = [str(value) for value in self.table.column(self.columns.id)]
            named = named if len(set(named)) == len(named) else None
        return unique(named) if named is not None else tuple(map(str, range(self.table.length)))

    def _labelled(self, given: Labels | None) -> tuple[Tensor | None, str]:
        column = self.columns.label
        if given is not None:
            numbers, self.class_names = as_classes(given)
            return same_length(numbers, int(self.length or 0)), "given beside the data"
        if column is None:
            return None, "none"
        numbers, self.class_names = as_classes(self.table.column(column), targets=True)
        names = self.table.class_names.get(column)
        self.class_names = tuple(names) if names else self.class_names
        return numbers, described(numbers, f"column {column}")

    def _know_the_kind(self, first: Row) -> None:
        self.kind, tokens = self.encoder.kind, self.encoder.tokens
        if self.kind in ("arrays", "signals"):
            self.kind = kind_of_numbers(tensors(self.encoder.inputs([first])[0])[0])
        if tokens is not None:
            self.structural, self.special, self.vocabulary = tokens.structural, tokens.special, tokens.vocabulary

    def words(self, tokens: Sequence[int]) -> list[str]:
        known = None if self.encoder.tokens is None else self.encoder.tokens.words(tokens)
        return super().words(tokens) if known is None else known

    def pick(self, ids: Sequence[str]) -> Batch:
        numbers = [self._row[id] for id in ids]
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        read = self.table.read([numbers[at] for at in order], list(self.columns.all))
        rows = [row for _, row in sorted(zip(order, read, strict=True), key=lambda pair: pair[0])]
        inputs, mask = self._decoded(rows, ids)
        for x in tensors(inputs):
            bad = first_not_finite(x)
            if bad is not None:
                raise CensusError(f"Inputs must be finite. Got NaN or inf in example {ids[bad]!r} of {self.name}.")
        labels = None if self._labels is None else self._labels[torch.tensor(numbers)]
        groups = None if self.columns.group is None else group_keys([row[self.columns.group] for row in rows])
        return Batch(inputs, tuple(ids), labels, mask, groups)

    def _decoded(self, rows: Sequence[Row], ids: Sequence[str]) -> Any:
        try:
            return self.encoder.inputs(rows)
        except CensusError:
            raise
        except Exception as error:
            raise self._blamed(rows, ids, error) from error

    def _blamed(self, rows: Sequence[Row], ids: Sequence[str], error: Exception) -> CensusError:
        """The line for the first row that cannot be decoded; for rows of several shapes where each can."""
        shapes: dict[str, tuple[int, ...]] = {}
        for id, row in zip(ids, rows, strict=True):
            try:
                shapes[id] = tuple(tensors(self.encoder.inputs([row])[0])[0].shape[1:])
            except Exception as own:
                return CensusError(f"Example {id!r} of {self.name} cannot be read: {one_line(own)}.")
        if len(set(shapes.values())) > 1:
            a = next(iter(shapes))
            b = next(id for id in shapes if shapes[id] != shapes[a])
            return CensusError(
                f"Examples must share one shape, or the model must have a Prepare(size=(height, width)). "
                f"Got {shapes[a]} for {a!r} and {shapes[b]} for {b!r} of {self.name}."
            )
        return CensusError(f"{self.name} cannot be read: {one_line(error)}.")


def in_memory(rows: Sequence[Row], name: str) -> Table:
    """A table of rows that are all there."""

    def read(wanted: Sequence[int], columns: Sequence[str] | None) -> list[Row]:
        return [rows[n] if columns is None else {c: rows[n][c] for c in columns} for n in wanted]

    return Table(name, len(rows), read)
