"""Defaults of flags that stay with the library: read for `--help` alone, where the file that has them is imported."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def default_at(where: str) -> Callable[[Any], str]:
    """What help shows as the default of a flag: the value at "module:NAME" or "module:Class().field" in layercensus."""

    def shown(_: Any) -> str:
        module, _, names = where.partition(":")
        value: Any = import_module(f"layercensus.{module}")
        for name in names.split("."):
            value = getattr(value, name.removesuffix("()"))
            value = value() if name.endswith("()") else value
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    return shown
