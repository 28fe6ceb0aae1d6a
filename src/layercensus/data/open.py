"""Data from a short name or a Python object: one table of openers, which is also the help text."""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path
from typing import Any

from ..errors import CensusError, first_line
from ..models.factory import import_factory
from ..models.openers import find, near, usages
from ..models.prepare import Prepare
from .grouped import Grouped
from .groups import Groups
from .labels import Labels
from .named_groups import no_entry, with_groups_named
from .objects import open_object
from .request import Request
from .source import Source
from .table import OPENERS
from .user_code import user_code


def open_data(
    data: Any, *, prepare: Prepare | None = None, labels: Labels | None = None, groups: Groups | str | None = None,
    limit_bad: int = 0, workers: int = 0,
) -> Source:  # fmt: skip
    """The examples that a short name or an object stands for.

    prepare: the model's own convention for images and text. labels: one per example in the data's order; they override
    those in the data. groups: the same for the sources that examples come from, or the name of the entry that
    names them. limit_bad: unreadable files of a folder that are skipped before giving up. workers: processes that
    decode pictures, 0 for threads.

    >>> open_data("digits").length
    1797

    Raises:
        CensusError: one line that says what is wrong with the data.
    """
    if isinstance(groups, str):
        return _of_entry(data, groups, Request(prepare, labels, groups, limit_bad, workers))
    if groups is not None:
        beside = open_data(data, prepare=prepare, labels=labels, limit_bad=limit_bad, workers=workers)
        return Grouped(beside, groups)
    if isinstance(data, Source):
        if labels is not None:
            raise CensusError(
                "labels must be given when the data is opened. Got them beside data that is open already."
            )
        return data
    if not isinstance(data, (str, Path)):
        return open_object(data, labels, prepare)
    return _of_name(str(data), Request(prepare, labels, None, limit_bad, workers))


def _of_name(text: str, request: Request) -> Source:
    entry = find(OPENERS, text)
    if entry is not None:
        opener, argument = entry
        opened: Source = opener(argument, request) if argument else opener(request)
        return opened
    kind, _, rest = text.partition(":")
    if _importable(kind, rest):
        return _of_factory(text, request)
    raise CensusError(f"data must be one of {', '.join(usages(OPENERS))}. Got {text!r}.{_hint(text, kind, rest)}")


def _of_entry(data: Any, name: str, request: Request) -> Source:
    """Data, an entry of which names groups."""
    if not isinstance(data, (str, Path)):
        return open_data(with_groups_named(data, name), labels=request.labels)
    source = _of_name(str(data), request)
    if "groups" not in source.about:
        raise CensusError(no_entry(name, f"{source.name} has no such entry"))
    return source


def _importable(kind: str, rest: str) -> bool:
    """Whether it reads as module:factory, and the module is there or nothing else was meant."""
    if kind == "hf" or not all(part.isidentifier() for part in kind.split(".")) or not rest.isidentifier():
        return False
    return not near(OPENERS, kind) or importlib.util.find_spec(kind) is not None


def _hint(text: str, kind: str, rest: str) -> str:
    path = Path(text)
    if text and path.is_dir():
        return f" For a folder of pictures: images:{text}"
    if path.is_file():
        return f" For a file: {'npz' if path.suffix in ('.npz', '.npy') else 'text'}:{text}"
    bare = [usage for usage in OPENERS if ":" not in usage]
    meant = difflib.get_close_matches(text, bare, n=1)
    meant = [f"{name}:{rest or '...'}" for name in near(OPENERS, kind) if name not in bare] or meant
    return f" Did you mean {meant[0]}?" if meant else ""


def _of_factory(text: str, request: Request) -> Source:
    factory = import_factory(text, "data")
    try:
        with user_code():
            data = factory()
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(f"The factory {text} failed: {first_line(error)}") from error
    source = open_data(
        data, prepare=request.prepare, labels=request.labels, groups=request.groups, limit_bad=request.limit_bad,
        workers=request.workers,
    )  # fmt: skip
    source.name = text
    if not isinstance(getattr(type(source), "about", None), property):
        source.about = source.about | {"name": text}
    return source
