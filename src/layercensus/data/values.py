"""What one entry of a table is: a picture, a sound, a text or numbers; and each of them as the net is given it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from .numbers import as_tensor

PICTURE, SOUND, TEXT, NUMBERS, OTHER = "picture", "sound", "text", "numbers", "other"
RIFF = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"FORM")  # how files of sound begin; RIFF alone is shared
WEBP = b"WEBP"


def kind_of_value(value: Any) -> str:
    """One of PICTURE, SOUND, TEXT, NUMBERS and OTHER.

    >>> [kind_of_value(v) for v in ("a cat", 3, [1.0, 2.0], {"array": [0.0], "sampling_rate": 8000}, None)]
    ['text', 'numbers', 'numbers', 'sound', 'other']
    """
    if isinstance(value, Image.Image):
        return PICTURE
    if isinstance(value, Mapping):
        if "sampling_rate" in value and "array" in value:
            return SOUND
        return _kind_of_file(value) if set(value) <= {"bytes", "path"} else OTHER
    if isinstance(value, bytes):
        return _kind_of_bytes(value)
    if isinstance(value, str):
        return TEXT
    if isinstance(value, (Number, np.ndarray, Tensor)):
        return NUMBERS if getattr(getattr(value, "dtype", None), "kind", "") != "O" else OTHER
    return NUMBERS if isinstance(value, (list, tuple)) and _numeric(value) else OTHER


def _numeric(values: Any) -> bool:
    while isinstance(values, (list, tuple)) and values:
        values = values[0]
    return isinstance(values, (Number, np.ndarray, Tensor))


def _kind_of_file(value: Mapping[str, Any]) -> str:
    held = value.get("bytes")
    if held is None and value.get("path"):
        with Path(value["path"]).open("rb") as file:
            held = file.read(16)
    return _kind_of_bytes(held or b"")


def _kind_of_bytes(held: bytes) -> str:
    if held[:4] == RIFF[0] and held[8:12] == WEBP:
        return PICTURE
    if held.startswith(RIFF):
        return SOUND
    return PICTURE if held else OTHER


def opened_file(value: Any) -> Any:
    """What Pillow and soundfile open: a path, or bytes as a file."""
    if isinstance(value, Mapping):
        held = value.get("bytes")
        return str(value["path"]) if held is None else io.BytesIO(held)
    return io.BytesIO(value) if isinstance(value, bytes) else str(value)


def picture_of(value: Any) -> Image.Image:
    """The picture that an entry holds, itself or encoded."""
    return value if isinstance(value, Image.Image) else Image.open(opened_file(value))


def numbers_of(value: Any) -> Tensor:
    """The numbers that an entry holds; a single one as a row of one."""
    x = as_tensor(np.asarray(value) if not isinstance(value, Tensor) else value)
    return x.reshape(1) if x.ndim == 0 else x
