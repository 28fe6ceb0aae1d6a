"""A text file, one example a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import CensusError
from ..models.prepare import Prepare
from .batch import Batch
from .labels import as_classes, same_length
from .source import Source


class Lines(Source):
    """Every non-empty line of a UTF-8 file; ids are line numbers from 1. Padding and special tokens are not counted."""

    kind = "tokens"

    def __init__(self, file: str, prepare: Prepare | None, labels: Any = None) -> None:
        path = Path(file)
        if prepare is None or prepare.tokenizer is None:
            raise CensusError(f"text:{file} needs a model with a tokenizer, such as hf:FOLDER. Got one without.")
        if not path.is_file():
            raise CensusError(f"text:{file} must be a text file. Got no such file.")
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CensusError(f"text:{file} must be text in UTF-8. It cannot be read: {error}") from error
        self.lines = {str(number): line.strip() for number, line in enumerate(lines, 1) if line.strip()}
        if not self.lines:
            raise CensusError(f"text:{file} must hold a line of text. Got an empty file.")
        self.prepare, self.tokenizer = prepare, prepare.tokenizer
        self.name, self.ids, self.length = f"text:{path.name}", tuple(self.lines), len(self.lines)
        self._label: dict[str, int] = {}
        if labels is not None:
            numbers, self.class_names = as_classes(labels)
            self._label = dict(zip(self.ids, same_length(numbers, self.length).tolist(), strict=True))
        self.special = frozenset(int(i) for i in getattr(self.tokenizer, "all_special_ids", ()))
        self.vocabulary = len(self.tokenizer)  # type: ignore[arg-type]
        self.about = {
            "name": self.name, "kind": "tokens", "lines": self.length, "inputs": prepare.describe(),
            "positions": "tokens; padding and special tokens are not counted",
        }  # fmt: skip

    def pick(self, ids: Sequence[str]) -> Batch:
        made = self.tokenizer(
            [self.lines[id] for id in ids], padding=True, truncation=True, max_length=self.prepare.max_length,
            return_tensors="pt",
        )  # fmt: skip
        inputs = {name: value for name, value in dict(made).items() if isinstance(value, torch.Tensor)}
        mask = inputs["attention_mask"].bool() & ~torch.isin(inputs["input_ids"], torch.tensor(sorted(self.special)))
        mask[~mask.any(1)] = inputs["attention_mask"].bool()[~mask.any(1)]  # a line of special tokens alone
        labels = torch.tensor([self._label[id] for id in ids]) if self._label else None
        return Batch(inputs, tuple(ids), labels, mask)
