"""Code of the user's, named as module:attribute."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import CensusError


def import_factory(text: str, what: str) -> Callable[[], Any]:
    """The callable that `text` ("package.module:name") names; the current folder is looked in first.

    Raises:
        CensusError: when it cannot be imported, is not there, or cannot be called.
    """
    module_name, _, attribute = text.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise CensusError(f"{what} must be a short name or module:factory. Got {text!r}: no module named {error.name!r}.") from error
    except Exception as error:
        raise CensusError(f"The module {module_name} cannot be imported: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        near = difflib.get_close_matches(attribute, dir(module), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise CensusError(f"The module {module_name} must have {attribute!r}.{hint} Got none.")
    found = getattr(module, attribute)
    if not callable(found):
        raise CensusError(f"{text} must be a function. Got {type(found).__name__}.")
    return found  # type: ignore[no-any-return]
