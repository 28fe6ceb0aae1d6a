"""Texts as a tokenizer gives them, padded behind their last token, and which of the tokens count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..models.decoder import with_decoder
from ..models.prepare import Prepare

PADDED_WITH = {"token_type_ids": 0, "attention_mask": 0}
STRUCTURE = ("bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "pad_token_id", "mask_token_id")


class Tokens:
    """A tokenizer, and what is known of its tokens."""

    def __init__(self, prepare: Prepare) -> None:
        self.prepare = prepare
        self.tokenizer: Any = prepare.tokenizer
        around = {getattr(self.tokenizer, name, None) for name in STRUCTURE} - {None}
        self.structural = frozenset(int(i) for i in around if i is not None)
        self.special = self.structural | {int(i) for i in getattr(self.tokenizer, "all_special_ids", ())}
        size: Any = self.tokenizer
        self.vocabulary = len(size) if hasattr(size, "__len__") else None
        self._padding = int(getattr(self.tokenizer, "pad_token_id", None) or 0)

    def words(self, tokens: Sequence[int]) -> list[str] | None:
        """The tokenizer's pieces, a continued word's marked as the tokenizer marks it; None where it has none."""
        convert = getattr(self.tokenizer, "convert_ids_to_tokens", None)
        return None if convert is None else [str(word) for word in convert(list(tokens))]

    def encoded(self, lines: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """The net's inputs by name, (lines, tokens) int64 each, and which tokens count, (lines, tokens) bool."""
        inputs = self._padded(list(lines))
        real = inputs["attention_mask"].bool()
        mask = real & ~torch.isin(inputs["input_ids"], torch.tensor(sorted(self.structural), dtype=torch.int64))
        nothing = ~mask.any(1)  # a line of such tokens alone
        mask[nothing] = real[nothing]
        return with_decoder(inputs, self.prepare), mask

    def _padded(self, lines: list[str]) -> dict[str, Tensor]:
        truncation: dict[str, Any] = {}
        if self.prepare.max_length is not None:
            truncation = {"truncation": True, "max_length": self.prepare.max_length}
        encoded = dict(self.tokenizer(lines, **truncation))
        encoded.setdefault("attention_mask", [[1] * len(row) for row in encoded["input_ids"]])
        longest = max(1, *map(len, encoded["input_ids"]))
        return {
            name: torch.tensor(
                [list(row) + [PADDED_WITH.get(name, self._padding)] * (longest - len(row)) for row in rows]
            )
            for name, rows in encoded.items()
            if len(rows) == len(lines)
        }
