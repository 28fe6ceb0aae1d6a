"""Tables of openers: how a name is written -> what opens it, resolved when it is used."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

FACTORY = "module:factory"  # any other name with a colon: a function in user code
Openers = Mapping[str, str]  # "kind:ARGUMENT", "kind:default" or "kind" -> "package.module:function"


def find(openers: Openers, text: str) -> tuple[Callable[..., Any], str] | None:
    """The function that opens `text` and the argument that `text` gives it; None where no entry is written so.

    >>> find({"npz:FILE": "json:loads"}, "npz:3")[1]
    '3'
    >>> find({"npz:FILE": "json:loads"}, "npz:") is None
    True
    """
    kind, colon, argument = text.partition(":")
    for usage, target in openers.items():
        name, wants, default = usage.partition(":")
        if name != kind or (colon and not wants):
            continue
        argument = argument or ("" if default.isupper() else default)
        if not wants or argument:
            module, _, function = target.partition(":")
            opener: Callable[..., Any] = getattr(import_module(module), function)
            return opener, argument
    return None


def usages(openers: Openers, kind: str | None = None) -> list[str]:
    """How names are written, the one that is most like `kind` first."""
    every = [*openers, FACTORY]
    if kind is None:
        return every
    wanted = kind.lower()

    def similarity(usage: str) -> float:
        return difflib.SequenceMatcher(None, wanted, usage.partition(":")[0]).ratio()

    return sorted(every, key=similarity, reverse=True)


def near(openers: Openers, kind: str) -> list[str]:
    """The kinds that `kind` may have been meant for, nearest first."""
    return difflib.get_close_matches(kind, [usage.partition(":")[0] for usage in openers], n=1, cutoff=0.6)
