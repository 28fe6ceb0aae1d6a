"""A text file, one example a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CensusError
from ..models.decoder import with_decoder
from ..models.prepare import Prepare
from .batch import Batch
from .labels import Labels, as_classes, same_length
from .reading import one_line
from .request import Request, one_kind
from .source import Source

PADDED_WITH = {"token_type_ids": 0, "attention_mask": 0}
STRUCTURE = ("bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "pad_token_id", "mask_token_id")


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
        self.prepare, self.tokenizer = prepare, prepare.tokenizer
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
        around = {getattr(self.tokenizer, name, None) for name in STRUCTURE} - {None}
        self.structural = frozenset(int(i) for i in around if i is not None)
        self.special = self.structural | {int(i) for i in getattr(self.tokenizer, "all_special_ids", ())}
        self.vocabulary = len(self.tokenizer) if hasattr(self.tokenizer, "__len__") else None
        self._padding = int(getattr(self.tokenizer, "pad_token_id", None) or 0)

    def words(self, tokens: Sequence[int]) -> list[str]:
        """The tokenizer's pieces, a continued word's marked as the tokenizer marks it."""
        convert = getattr(self.tokenizer, "convert_ids_to_tokens", None)
        return super().words(tokens) if convert is None else [str(word) for word in convert(list(tokens))]

    def pick(self, ids: Sequence[str]) -> Batch:
        inputs = self._tokens([self.lines[id] for id in ids])
        real = inputs["attention_mask"].bool()
        mask = real & ~torch.isin(inputs["input_ids"], torch.tensor(sorted(self.structural), dtype=torch.int64))
        nothing = ~mask.any(1)  # a line of such tokens alone
        mask[nothing] = real[nothing]
        labels = torch.tensor([self._label[id] for id in ids]) if self._label else None
        return Batch(inputs, tuple(ids), labels, mask)

    def _tokens(self, lines: list[str]) -> dict[str, Tensor]:
        """(lines, tokens) int64 by the name of each input, padded to the longest line."""
        truncation: dict[str, Any] = {}
        if self.prepare.max_length is not None:
            truncation = {"truncation": True, "max_length": self.prepare.max_length}
        encoded = dict(self.tokenizer(lines, **truncation))
        encoded.setdefault("attention_mask", [[1] * len(row) for row in encoded["input_ids"]])
        longest = max(1, *map(len, encoded["input_ids"]))
        tokens = {
            name: torch.tensor(
                [list(row) + [PADDED_WITH.get(name, self._padding)] * (longest - len(row)) for row in rows]
            )
            for name, rows in encoded.items()
            if len(rows) == len(lines)
        }
        return with_decoder(tokens, self.prepare)


def open_text(file: str, request: Request) -> Lines:
    """The lines of a text file."""
    one_kind(request.prepare, "texts", "text")
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
