"""What can be seen in text without learning: how long a line is, and the shape of a token."""

from __future__ import annotations

import unicodedata

import torch
from torch import Tensor

from ..data.batch import Batch
from ..data.source import Source
from .sets import ConceptSet, Places
from .tags import MARKS, tokens_of

LINES = ("long", "short", "question", "many long words", "many commas", "holds a number")
PIECES = (
    "punctuation", "digit", "capital", "all capitals", "continues a word", "one letter", "long piece", "ends in -s",
    "ends in -ed", "ends in -ing", "first", "last", "not ASCII",
)  # fmt: skip
LONG = 7  # letters


def of_lines(source: Source) -> ConceptSet:
    """The set "plain": of whole lines."""

    def values(batch: Batch) -> Tensor:
        return torch.tensor([_line(_pieces(source, batch, row)) for row in range(len(batch.ids))])

    return ConceptSet("plain", LINES, values, graded=True, digest="lines 1")


def _line(pieces: list[str]) -> list[float]:
    bare = [_bare(piece) for piece in pieces]
    count = max(1, len(bare))
    return [
        float(len(bare)), -float(len(bare)), float("?" in bare), sum(len(b) >= LONG for b in bare) / count,
        sum(b == "," for b in bare) / count, float(any(any(c.isdigit() for c in b) for b in bare)),
    ]  # fmt: skip


def of_pieces(source: Source) -> ConceptSet:
    """The set "word shapes": of tokens."""

    def at(batch: Batch, places: Places) -> Tensor:
        value = torch.full((*places.index.shape, len(PIECES)), torch.nan)
        for row, index in enumerate(places.index.tolist()):
            tokens = source.words(tokens_of(batch)[row].tolist())
            counted = _counted(batch, row)
            for spot, position in enumerate(index):
                if 0 <= position < len(tokens):
                    ends = (position == counted[0], position == counted[-1])
                    value[row, spot] = torch.tensor(_piece(tokens[position], *ends))
        return value

    return ConceptSet("word shapes", PIECES, None, at, digest="pieces 1")


def _piece(piece: str, first: bool, last: bool) -> list[float]:
    bare = _bare(piece)
    found = (
        bool(bare) and all(unicodedata.category(c)[0] in "PS" for c in bare), any(c.isdigit() for c in bare),
        bare[:1].isupper(), len(bare) > 1 and bare.isupper(), _continues(piece), len(bare) == 1 and bare.isalpha(),
        len(bare) >= LONG, len(bare) > 2 and bare.endswith("s"), len(bare) > 3 and bare.endswith("ed"),
        len(bare) > 4 and bare.endswith("ing"), first, last, not bare.isascii(),
    )  # fmt: skip
    return [float(one) for one in found]


def _continues(piece: str) -> bool:
    return piece.startswith("##")


def _counted(batch: Batch, row: int) -> list[int]:
    if batch.mask is None:
        return [0, tokens_of(batch).shape[1] - 1]
    return batch.mask[row].nonzero().flatten().tolist() or [0]


def _pieces(source: Source, batch: Batch, row: int) -> list[str]:
    tokens = tokens_of(batch)[row]
    return source.words((tokens if batch.mask is None else tokens[batch.mask[row]]).tolist())


def _bare(piece: str) -> str:
    for mark in MARKS:
        piece = piece.removeprefix(mark).removesuffix(mark)
    return piece
