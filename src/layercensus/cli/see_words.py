"""Which of the words behind a model name data, and which name units."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.table import OPENERS
from ..errors import CensusError

ALL = "all"  # of a layer's units


def parted(words: Sequence[str], data: str | None) -> tuple[str | None, tuple[str, ...]]:
    """The data and the targets among the words behind MODEL: the first word is DATA where it is written as data are.

    data: what --data names.

    >>> parted(["images:photographs", "conv2:7"], None)
    ('images:photographs', ('conv2:7',))
    >>> parted(["act.1:3,5,8-11", "act.5:all"], None)
    (None, ('act.1:3,5,8-11', 'act.5:all'))

    Raises:
        CensusError: data are named twice.
    """
    if not words or not _is_data(words[0]):
        return data, tuple(words)
    if data is not None:
        raise CensusError(f"Data must be named once. Got {words[0]!r} and --data {data!r}.")
    return words[0], tuple(words[1:])


def _is_data(word: str) -> bool:
    """Whether a word is written as data are: the name or kind of an opener, or module:factory."""
    kind, colon, rest = word.partition(":")
    named = {usage.partition(":")[0]: ":" in usage for usage in OPENERS}
    if kind in named:
        return bool(rest) if named[kind] else not colon
    module_like = bool(kind) and all(part.isidentifier() for part in kind.split("."))
    return module_like and rest.isidentifier() and rest != ALL
