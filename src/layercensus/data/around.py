"""Another source with something changed on the way; what is not changed is the other's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .source import Source


class Around(Source):
    """A source that says of itself what the one inside says; a kind of its own overrides `pick` and `batches`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name, self.kind, self.prepare = source.name, source.kind, source.prepare
        self.special, self.structural, self.vocabulary = source.special, source.structural, source.vocabulary
        self.ids, self.length, self.reusable = source.ids, source.length, source.reusable
        self.in_memory, self.counts_up = source.in_memory, source.counts_up

    @property
    def about(self) -> dict[str, Any]:  # type: ignore[override]
        """What the data say of themselves."""
        return self.source.about

    @property
    def copies(self) -> Mapping[str, Any]:  # type: ignore[override]
        """How many copies the source has left out until now."""
        return self.source.copies

    @property
    def class_names(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """The names of the classes met until now."""
        return self.source.class_names

    def words(self, tokens: Sequence[int]) -> list[str]:
        return self.source.words(tokens)
