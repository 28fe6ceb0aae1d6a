"""Concepts that words are tagged with: a tag for each word of a line, or for each position of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data.batch import Batch, tensors
from ..data.source import Source
from ..errors import CensusError
from .sets import ConceptSet, Places, rows_by_order

MARKS = ("##", "Ġ", "▁", "</w>")  # that tokenizers put before or behind the pieces of words


@dataclass(frozen=True)
class Tags:
    """A tag for each word, or each position, of each example in order; None: not known."""

    name: str
    of: Sequence[Sequence[Any]]


def tags(of: Sequence[Sequence[Any]], name: str = "tags") -> Tags:
    """Tags of words as a set of concepts for `take(concepts=...)`: a concept for each tag.

    of: for each example in order the tags of its words, as blanks part them, or of its tokens where there are as many.

    >>> tags([["noun", "verb"], ["verb"]]).name
    'tags'
    """
    return Tags(name, of)


def of_file(file: Path, source: Source) -> ConceptSet:
    """The set of a text file with a line for each example: tags parted by blanks, "-" where one is not known."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise CensusError(f"tags:{file} must be a text file in UTF-8. It cannot be read.") from None
    return of_tags(Tags(file.stem, [[None if tag == "-" else tag for tag in line.split()] for line in lines]), source)


def of_tags(given: Tags, source: Source) -> ConceptSet:
    """The set of all tags.

    Raises:
        CensusError: the data are no sequences, or an example has another number of words.
    """
    rows = rows_by_order(source, len(given.of), f"Tags {given.name!r}")
    names = sorted({str(tag) for line in given.of for tag in line if tag is not None})
    place = {name: number for number, name in enumerate(names)}
    digest = sha256(repr([(id, [str(tag) for tag in given.of[row]]) for id, row in rows.items()]).encode())

    def at(batch: Batch, places: Places) -> Tensor:
        of = [pieces_of(source, batch, row, given.of[rows[id]], given.name) for row, id in enumerate(batch.ids)]
        return read_at(of, place, places)

    return ConceptSet(given.name, tuple(names), None, at, digest=digest.hexdigest())


def read_at(of: Sequence[Sequence[Any]], place: dict[str, int], places: Places) -> Tensor:
    """(examples, spots, concepts) 1 where the position has the tag, nan where it has none."""
    value = torch.full((*places.index.shape, len(place)), torch.nan)
    for row, index in enumerate(places.index.tolist()):
        for spot, position in enumerate(index):
            tag = of[row][position] if 0 <= position < len(of[row]) else None
            if tag is not None:
                value[row, spot] = 0.0
                value[row, spot, place[str(tag)]] = 1.0
    return value


def pieces_of(source: Source, batch: Batch, row: int, of: Sequence[Any], name: str) -> list[Any]:
    """The tag of each position of a sequence, None where there is none: of padding, and of what a tokenizer adds.

    Raises:
        CensusError: there are as many tags as neither words nor tokens.
    """
    counted = batch.mask[row] if batch.mask is not None else torch.ones(length_of(batch), dtype=torch.bool)
    at = counted.nonzero().flatten().tolist()
    found: list[Any] = [None] * len(counted)
    words = _words(source, batch.ids[row])
    if words is None or len(of) == len(at) != len(words):
        belongs = list(range(len(at)))
        if len(of) < len(at) or (words is not None and len(of) != len(at)):
            raise CensusError(_unfit(name, batch.ids[row], len(of), len(at), None))
    elif len(of) == len(words):
        belongs = _aligned(words, source.words(tokens_of(batch)[row][at].tolist()))
    else:
        raise CensusError(_unfit(name, batch.ids[row], len(of), len(at), len(words)))
    for position, word in zip(at, belongs, strict=True):
        found[position] = of[word] if word >= 0 else None
    return found


def _unfit(name: str, id: str, given: int, tokens: int, words: int | None) -> str:
    of = f"{tokens} tokens" if words is None else f"{words} words or {tokens} tokens"
    return f"Tags {name!r} must be one for each of the {of} of example {id!r}. Got {given}."


def length_of(batch: Batch) -> int:
    """Positions of the sequences of a batch."""
    return int(tensors(batch.inputs)[0].shape[1])


def tokens_of(batch: Batch) -> Tensor:
    """(examples, positions) int64 token ids of a batch."""
    return (
        batch.inputs["input_ids"]
        if isinstance(batch.inputs, dict) and "input_ids" in batch.inputs
        else tensors(batch.inputs)[0]
    )


def _words(source: Source, id: str) -> list[str] | None:
    lines: dict[str, str] | None = getattr(source, "lines", None)
    return None if lines is None or id not in lines else lines[id].split()


def _aligned(words: Sequence[str], pieces: Sequence[str]) -> list[int]:
    """Which word each piece begins in, counted in letters; -1 behind the last. An unknown piece is a whole word."""
    ends = list(accumulate(len(word) for word in words))
    word, letter, belongs = 0, 0, []
    for piece in pieces:
        while word < len(words) and letter >= ends[word]:
            word += 1
        belongs.append(word if word < len(words) else -1)
        bare = _bare(piece)
        letter = letter + len(bare) if not _unknown(bare) else (ends[word] if word < len(words) else letter)
    return belongs


def _bare(piece: str) -> str:
    for mark in MARKS:
        piece = piece.removeprefix(mark).removesuffix(mark)
    return piece


def _unknown(piece: str) -> bool:
    return len(piece) > 2 and (piece[0], piece[-1]) in (("[", "]"), ("<", ">"))
