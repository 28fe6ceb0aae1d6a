"""Data from a short name or a Python object."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import CensusError
from ..models.factory import import_factory
from ..models.prepare import Prepare
from .arrays import Arrays, open_npz
from .digits import Digits
from .images import Images
from .labels import as_classes, same_length
from .objects import open_object
from .source import Source
from .text import Lines

KNOWN = ("digits", "images:FOLDER", "npz:FILE", "text:FILE", "module:factory")


def open_data(data: Any, *, prepare: Prepare | None = None, labels: Any = None, limit_bad: int = 0) -> Source:
    """The examples that a short name or an object stands for.

    prepare: the model's own convention for images and text. labels: one per example in the data's order.

    Raises:
        CensusError: one line that says what is wrong with the data.
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, (np.ndarray, Tensor)):
        return Arrays(data, labels)
    if not isinstance(data, str):
        return open_object(data, labels)
    kind, _, rest = data.partition(":")
    if data == "digits":
        return _digits(labels)
    if kind == "images" and rest:
        return Images(rest, prepare, labels, limit_bad)
    if kind == "npz" and rest:
        return open_npz(rest, labels)
    if kind == "text" and rest:
        return Lines(rest, prepare, labels)
    if kind and rest and kind != "hf" and all(part.isidentifier() for part in kind.split(".")):
        return _made(data, prepare, labels, limit_bad)
    near = difflib.get_close_matches(data, KNOWN, n=1, cutoff=0.5)
    raise CensusError(f"data must be one of {', '.join(KNOWN)}. Got {data!r}." + (f" Did you mean {near[0]}?" if near else ""))


def _digits(labels: Any) -> Source:
    source = Digits()
    if labels is not None:
        numbers, source.class_names = as_classes(labels)
        source.labels = same_length(numbers, len(source.inputs))
    return source


def _made(text: str, prepare: Prepare | None, labels: Any, limit_bad: int) -> Source:
    factory = import_factory(text, "data")
    try:
        made = factory()
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(f"The factory {text} failed: {type(error).__name__}: {error}") from error
    source = open_data(made, prepare=prepare, labels=labels, limit_bad=limit_bad)
    source.name = text
    if isinstance(getattr(type(source), "about", None), property):
        return source
    source.about = source.about | {"name": text}
    return source
