"""Data from a short name or a Python object."""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path
from typing import Any

from ..errors import CensusError
from ..models.factory import import_factory
from ..models.prepare import Prepare
from .arrays import Arrays, open_npz
from .digits import Digits
from .handwriting import Mnist
from .images import Images
from .labels import Labels
from .objects import open_object
from .source import Source
from .text import Lines

KNOWN = ("digits", "mnist", "images:FOLDER", "npz:FILE", "text:FILE", "module:factory")


def open_data(data: Any, *, prepare: Prepare | None = None, labels: Labels | None = None, limit_bad: int = 0) -> Source:
    """The examples that a short name or an object stands for.

    prepare: the model's own convention for images and text. labels: one per example in the data's order; they override
    those in the data. limit_bad: unreadable files of a folder that are skipped before giving up.

    Raises:
        CensusError: one line that says what is wrong with the data.
    """
    if isinstance(data, Source):
        if labels is not None:
            raise CensusError(
                "labels must be given when the data is opened. Got them beside data that is open already."
            )
        return data
    if not isinstance(data, (str, Path)):
        return open_object(data, labels)
    text = str(data)
    kind, _, rest = text.partition(":")
    if text in ("digits", "mnist"):
        return _labelled(Mnist() if text == "mnist" else Digits(), labels)
    if kind == "images" and rest:
        return Images(rest, prepare, labels, limit_bad)
    if kind == "npz" and rest:
        return open_npz(rest, labels)
    if kind == "text" and rest:
        return Lines(rest, prepare, labels)
    if _importable(kind, rest):
        return _made(text, prepare, labels, limit_bad)
    raise CensusError(f"data must be one of {', '.join(KNOWN)}. Got {text!r}.{_hint(text, kind, rest)}")


def _importable(kind: str, rest: str) -> bool:
    """Whether it reads as module:factory, and the module is there or nothing else was meant."""
    if kind == "hf" or not all(part.isidentifier() for part in kind.split(".")) or not rest.isidentifier():
        return False
    return not _near(kind) or importlib.util.find_spec(kind) is not None


def _near(kind: str) -> list[str]:
    return difflib.get_close_matches(kind, ("images", "npz", "text"), n=1, cutoff=0.6)


def _hint(text: str, kind: str, rest: str) -> str:
    path = Path(text)
    if text and path.is_dir():
        return f" For a folder of pictures: images:{text}"
    if path.is_file():
        return f" For a file: {'npz' if path.suffix in ('.npz', '.npy') else 'text'}:{text}"
    near = [f"{name}:{rest or '...'}" for name in _near(kind)] or difflib.get_close_matches(
        text, ("digits", "mnist"), n=1
    )
    return f" Did you mean {near[0]}?" if near else ""


def _labelled(source: Arrays, labels: Labels | None) -> Source:
    if labels is not None:
        source.label(labels, "given beside the data")
    return source


def _made(text: str, prepare: Prepare | None, labels: Labels | None, limit_bad: int) -> Source:
    factory = import_factory(text, "data")
    try:
        made = factory()
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(f"The factory {text} failed: {type(error).__name__}: {error}") from error
    source = open_data(made, prepare=prepare, labels=labels, limit_bad=limit_bad)
    source.name = text
    if not isinstance(getattr(type(source), "about", None), property):
        source.about = source.about | {"name": text}
    return source
