"""What a user says beside the data, handed to whatever opens it."""

from __future__ import annotations

from dataclasses import dataclass

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
