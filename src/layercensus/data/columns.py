"""Which columns of a table are the inputs, the labels, the ids and the groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CensusError
from ..models.prepare import Prepare
from .values import NUMBERS, PICTURE, SOUND, TEXT, kind_of_value

LABELS = ("labels", "label", "cls", "class", "target", "targets", "y", "category", "fine_label")
IDS = ("ids", "id", "__key__", "key", "uuid", "file_name")
GROUPS = ("groups", "group")
USUAL = (
    "inputs", "image", "img", "picture", "text", "sentence", "content", "audio", "sound", "x", "input_ids", "jpg",
    "jpeg", "png", "webp", "txt", "wav", "flac", "mp3", "npy", "features", "pixel_values", "input_values",
)  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """What each column of a table is for."""

    inputs: tuple[str, ...]
    kinds: tuple[str, ...]  # of each input: picture, sound, text or numbers
    label: str | None
    id: str | None
    group: str | None

    @property
    def all(self) -> tuple[str, ...]:
        """Every column that a batch needs."""
        return (*self.inputs, *(c for c in (self.label, self.group) if c is not None))


def columns_of(
    first: Mapping[str, Any], name: str, asked: Sequence[str], prepare: Prepare, group: str | None = None
) -> Columns:
    """The columns' purposes, from a table's first row, the columns that the user asked for and what the net takes.

    Raises:
        CensusError: no such column, or several could be the inputs.
    """
    unknown = [column for column in asked if column not in first]
    if unknown:
        raise CensusError(f"{name} must have a column {unknown[0]!r}. Got {', '.join(first)}.")
    label, id, together = (
        _named(first, names, asked) for names in (LABELS, IDS, (*((group,) if group else ()), *GROUPS))
    )
    kinds = {column: kind_of_value(value) for column, value in first.items()}
    if asked:
        return Columns(tuple(asked), tuple(kinds[column] for column in asked), label, id, together)
    free = [column for column in first if column not in (label, id, together)]
    inputs = tuple(
        _one(kind, [c for c in free if kinds[c] == kind], name, first) for kind in wanted(prepare, kinds, free)
    )
    return Columns(inputs, tuple(kinds[column] for column in inputs), label, id, together)


def wanted(prepare: Prepare, kinds: Mapping[str, str], free: Sequence[str]) -> tuple[str, ...]:
    """The kinds of input that the net takes; of a net that does not say, the first that the table holds."""
    if prepare.tokenizer is not None:
        beside = (PICTURE,) if prepare.transform is not None else (SOUND,) if prepare.sound is not None else ()
        return (TEXT, *beside)
    if prepare.rate is not None:
        return (SOUND,)
    if prepare.transform is not None or prepare.size is not None:
        return (PICTURE,)
    held = {kinds[column] for column in free}
    return (next((kind for kind in (PICTURE, SOUND, NUMBERS, TEXT) if kind in held), TEXT),)


def _named(first: Mapping[str, Any], names: Sequence[str], asked: Sequence[str]) -> str | None:
    return next((name for name in names if name in first and name not in asked), None)


def _one(kind: str, candidates: list[str], name: str, first: Mapping[str, Any]) -> str:
    if not candidates:
        raise CensusError(f"{name} must have a column of {kind}s for this model. Got {', '.join(first)}.")
    usual = [column for column in USUAL if column in candidates]
    if len(candidates) > 1 and len(usual) != 1:
        raise CensusError(
            f"{name} must say which column the model is given. {', '.join(candidates)} could be it: "
            f"put one behind the name, {name}:{candidates[0]}."
        )
    return usual[0] if usual else candidates[0]
