"""What a user says beside the data, handed to whatever opens it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CensusError
from ..models.prepare import Prepare
from .labels import Labels


@dataclass(frozen=True)
class Request:
    """How a source is to be opened."""

    prepare: Prepare | None = None  # the model's own convention for images and text
    labels: Labels | None = None  # one per example in the data's order; they override those in the data
    groups: str | None = None  # the entry that names the source of an example
    limit_bad: int = 0  # unreadable files that are skipped before giving up
    workers: int = 0  # processes that decode pictures; 0: threads


def one_kind(prepare: Prepare | None, given: str, part: str) -> None:
    """Refuse data of one kind for a net that compares two. part: how its part for that kind is named.

    Raises:
        CensusError: the net takes pictures and texts, or sounds and texts, together.
    """
    if prepare is None or prepare.tokenizer is None or (prepare.transform is None and prepare.sound is None):
        return
    other = "pictures" if prepare.transform is not None else "sounds"
    raise CensusError(
        f"The model takes {other} and texts together. Got {given} alone: count one part of it, hf:NAME:{part}, or give "
        "data that hold both."
    )
