"""User code, named as module:attribute."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import CensusError, first_line


def import_factory(text: str, what: str, known: Sequence[str] = ()) -> Callable[[], Any]:
    """The callable that `text` ("package.module:name") names; the current folder is searched as well.

    what: "model" or "data", for the message. known: the short names that `text` may have been meant for.

    Raises:
        CensusError: when it cannot be imported, is not there, or cannot be called.
    """
    module_name, _, attribute = text.partition(":")
    module = _imported(module_name, text, what, known)
    if not hasattr(module, attribute):
        near = difflib.get_close_matches(attribute, [n for n in dir(module) if not n.startswith("__")], n=3)
        hint = f" Did you mean {' or '.join(f'{module_name}:{n}' for n in near)}?" if near else ""
        raise CensusError(f"{what} must name something in the module {module_name}. Got {text!r}: not in it.{hint}")
    target = getattr(module, attribute)
    if not callable(target):
        raise CensusError(f"{text} must be a function. Got {type(target).__name__}.")
    return target  # type: ignore[no-any-return]


def _imported(name: str, text: str, what: str, known: Sequence[str]) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()  # the file may be newer than the import system's listing of its folder
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            allowed = ", ".join(known) if known else "a short name or module:factory"
            raise CensusError(
                f"{what} must be one of {allowed}. Got {text!r}: no module named {error.name!r}."
            ) from error
        raise CensusError(f"The module {name} cannot be imported: {first_line(error)}") from error
