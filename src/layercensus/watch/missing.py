"""A library that a user asks for and that may not be installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import CensusError


def installed(name: str, package: str) -> Any:
    """The module of this name. package: what is installed to have it.

    Raises:
        CensusError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise CensusError(f"Watching with {package} needs {package}: pip install {package}") from error
