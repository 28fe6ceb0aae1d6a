"""Rows of a table as the net is given them: pictures, sounds, texts and numbers prepared by the model's convention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from torch import Tensor

from ..errors import CensusError
from ..models.prepare import Prepare
from .batch import Inputs, stacked
from .columns import Columns
from .decoders import THREADS
from .numbers import KINDS, as_floats
from .picture import prepared
from .sound import SECONDS, prepared_sound, sound_of
from .tokens import Tokens
from .values import NUMBERS, PICTURE, SOUND, TEXT, numbers_of, picture_of

GREY = ("1", "L", "LA")


class Encoder:
    """What turns rows into inputs, in words (`said`) and to call."""

    def __init__(
        self, columns: Columns, prepare: Prepare, first: Mapping[str, Any], seconds: float | None = None
    ) -> None:
        self.columns, self.prepare = columns, prepare
        self.tokens = Tokens(prepare) if prepare.tokenizer is not None else None
        self.channels, self.rate, self.seconds = 3, 0, seconds or SECONDS
        for column, kind in zip(columns.inputs, columns.kinds, strict=True):
            self._know(kind, first[column])
        if TEXT in columns.kinds and self.tokens is None:
            raise CensusError(
                "Texts need a model with a tokenizer, such as hf:FOLDER. Got one without for the column "
                f"{columns.inputs[0]}."
            )

    def _know(self, kind: str, value: Any) -> None:
        if kind == PICTURE:
            asked = self.prepare.channels or (len(self.prepare.mean) if self.prepare.mean else None)
            self.channels = asked or (1 if picture_of(value).mode in GREY else 3)
        if kind == SOUND:
            self.rate = self.prepare.rate or sound_of(value)[1]

    @property
    def kind(self) -> str:
        """The kind of source, which decides the default views."""
        first = self.columns.kinds[0]
        return {PICTURE: "images", SOUND: "signals", TEXT: "tokens"}.get(first, "arrays")

    @property
    def said(self) -> str:
        """What is done to the inputs, in words."""
        held = ", ".join(self.columns.inputs)
        if SOUND in self.columns.kinds and not self.prepare.rate:
            return f"column {held}: one channel, {self.rate:,} samples a second, {self._length}"
        if SOUND in self.columns.kinds:
            return f"column {held}: {self.prepare.describe()}, {self._length}"
        if PICTURE in self.columns.kinds and not self.prepare.channels:
            return f"column {held}: {self.prepare.describe()} ({'grey' if self.channels == 1 else 'RGB'})"
        plain = set(self.columns.kinds) <= {NUMBERS}
        return f"column {held}: " + ("as they are, in float32" if plain else self.prepare.describe())

    @property
    def _length(self) -> str:
        return f"the first {self.seconds:.3g} s, shorter ones filled with silence"

    def inputs(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Inputs, Tensor | None]:
        """The inputs of these rows, the examples on axis 0, and which tokens count."""
        parts: dict[str, tuple[Inputs, Tensor | None]] = {}
        for column, kind in zip(self.columns.inputs, self.columns.kinds, strict=True):
            parts[column] = self._part([row[column] for row in rows], kind)
        if len(parts) == 1:
            return next(iter(parts.values()))
        named: dict[str, Tensor] = {}
        mask = None
        for (column, kind), (part, own) in zip(
            zip(self.columns.inputs, self.columns.kinds, strict=True), parts.values(), strict=True
        ):
            mask = own if own is not None else mask
            one = {self.prepare.input_name if kind in (PICTURE, SOUND) and self.prepare.input_name else column: part}
            named |= part if isinstance(part, dict) else one
        return named, mask

    def _part(self, values: list[Any], kind: str) -> tuple[Inputs, Tensor | None]:
        if kind == TEXT and self.tokens is not None:
            return self.tokens.encoded([str(value) for value in values])
        with ThreadPoolExecutor(THREADS) as pool:
            x = stacked(list(pool.map(lambda value: self._one(value, kind), values)))
        if kind == SOUND and self.prepare.input_name and self.tokens is None:
            from ..models.decoder import with_decoder

            return with_decoder({self.prepare.input_name: x}, self.prepare), None
        return (as_floats(x)[0] if kind == NUMBERS else x), None

    def _one(self, value: Any, kind: str) -> Tensor:
        if kind == PICTURE:
            return prepared(picture_of(value), self.prepare, self.channels)
        if kind == SOUND:
            return prepared_sound(value, self.prepare, self.rate, self.seconds)
        if kind == NUMBERS:
            return numbers_of(value)
        raise CensusError(f"Inputs must be pictures, sounds, texts or numbers. Got {type(value).__name__}.")


def kind_of_numbers(x: Tensor) -> str:
    """The kind of source that holds such numbers; x: (examples, ...)."""
    return KINDS.get(x.ndim - 1, "arrays") if x.is_floating_point() else "tokens"
