"""A text file, one example a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from ..errors import CensusError
from ..models.prepare import Prepare
from .batch import Batch
from .labels import Labels, as_classes, same_length
from .reading import one_line
from .records import Records, Table, in_memory
from .request import Request, one_kind
from .source import Source
from .tokens import Tokens

JSON_LINES = (".jsonl", ".ndjson")


class Lines(Source):
    """Every non-empty line of a UTF-8 file; ids are line numbers from 1.

    Padding and the tokens that the tokenizer puts around a text are not counted; unknown words are. Lines are padded on
    the right, behind their last token, so that a line's own positions do not depend on the lines beside it.

    Raises:
        CensusError: no tokenizer, no file, no text in it, or not UTF-8.
    """

    kind = "tokens"
    in_memory = True
    prepare: Prepare

    def __init__(self, file: str, prepare: Prepare | None, labels: Labels | None = None) -> None:
        if prepare is None or prepare.tokenizer is None:
            raise CensusError(f"text:{file} needs a model with a tokenizer, such as hf:FOLDER. Got one without.")
        self.lines = _lines(file)
        self.prepare = prepare
        self.name, self.ids, self.length = f"text:{Path(file).name}", tuple(self.lines), len(self.lines)
        self._label: dict[str, int] = {}
        if labels is not None:
            numbers, self.class_names = as_classes(labels)
            self._label = dict(zip(self.ids, same_length(numbers, self.length).tolist(), strict=True))
        self._know_the_tokens()
        self.about = {
            "name": self.name, "kind": "tokens", "lines": self.length, "inputs": prepare.describe(),
            "positions": "tokens; padding and the tokens put around a text are not counted",
            "labels": "given beside the data" if labels is not None else "none",
        }  # fmt: skip

    def _know_the_tokens(self) -> None:
        self.tokens = Tokens(self.prepare)
        self.structural, self.special, self.vocabulary = (
            self.tokens.structural, self.tokens.special, self.tokens.vocabulary
        )  # fmt: skip

    def words(self, tokens: Sequence[int]) -> list[str]:
        """The tokenizer's pieces, a continued word's marked as the tokenizer marks it."""
        known = self.tokens.words(tokens)
        return super().words(tokens) if known is None else known

    def pick(self, ids: Sequence[str]) -> Batch:
        inputs, mask = self.tokens.encoded([self.lines[id] for id in ids])
        labels = torch.tensor([self._label[id] for id in ids]) if self._label else None
        return Batch(inputs, tuple(ids), labels, mask)


def open_text(file: str, request: Request) -> Source:
    """The lines of a text file; of one that ends in .jsonl the objects that they are."""
    one_kind(request.prepare, "texts", "text")
    if file.lower().endswith(JSON_LINES):
        return Records(_objects(file), request)
    return Lines(file, request.prepare, request.labels)


def _lines(file: str) -> dict[str, str]:
    path = Path(file)
    if not path.is_file():
        raise CensusError(f"text:{file} must be a text file. Got {'a folder' if path.is_dir() else 'no such file'}.")
    try:
        with path.open(encoding="utf-8-sig") as text:
            lines = {str(number): line.strip() for number, line in enumerate(text, 1) if line.strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise CensusError(f"text:{file} must be text in UTF-8. It cannot be read: {one_line(error)}.") from error
    number = next((number for number, line in lines.items() if "\0" in line), None)
    if number is not None:
        raise CensusError(f"text:{file} must be text in UTF-8. Got a binary file: line {number} holds a zero byte.")
    if not lines:
        raise CensusError(f"text:{file} must hold a line of text. Got an empty file.")
    return lines


def _objects(file: str) -> Table:
    """The objects of a file of JSON lines as a table; a line that is a string is a text."""
    rows = []
    for number, line in _lines(file).items():
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CensusError(f"text:{file} must hold JSON in every line. Line {number}: {one_line(error)}.") from error
        rows.append({"text": row} if isinstance(row, str) else row)
    odd = next((n for n, row in enumerate(rows, 1) if not isinstance(row, dict)), None)
    if odd is not None:
        raise CensusError(f"text:{file} must hold an object or a string in every line. Got another in line {odd}.")
    names = [name for name in rows[0] if all(name in row for row in rows)]
    return in_memory([{name: row[name] for name in names} for row in rows], f"text:{Path(file).name}")
