"""What is wrong with a command line, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from cyclopts import App, CoercionError, CycloptsError, MissingArgumentError, UnknownCommandError, UnknownOptionError
from cyclopts.exceptions import RepeatArgumentError, UnusedCliTokensError

TYPES = {int: "an integer", float: "a number", bool: "true or false"}


def usage_line(app: App, error: CycloptsError) -> str:
    """One line: what must be, what was given, and where help is."""
    command = " ".join(("layercensus", *(error.command_chain or ())))
    return f"{_says(app, error, command)} See `{command} --help`."


def _says(app: App, error: CycloptsError, command: str) -> str:
    if isinstance(error, UnknownCommandError) and error.unused_tokens:
        within = error.app or app
        names = [name for name in within if not name.startswith("-")]
        return _one_of("The command", error.unused_tokens[0], names)
    if isinstance(error, UnknownOptionError):
        given = (error.token.keyword or error.token.value).partition("=")[0]
        flags = [name for argument in error.argument_collection for name in argument.names if name.startswith("--")]
        return f"`{command}` has no {given}.{_meant(given, flags)}"
    if isinstance(error, CoercionError) and error.token is not None and error.target_type in TYPES:
        name = error.token.keyword or (error.argument.name if error.argument else "The value")
        return f"{name} must be {TYPES[error.target_type]}. Got {error.token.value!r}."
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        return _missing(error, command)
    if isinstance(error, RepeatArgumentError):
        return f"{error.token.keyword} must be given once. Got it twice."
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"`{command}` takes fewer words. Got {error.unused_tokens[0]!r} as well."
    return " ".join(str(error).split())


def _missing(error: MissingArgumentError, command: str) -> str:
    assert error.argument is not None
    name = error.keyword or error.argument.name
    if error.keyword or error.argument.tokens:
        return f"{name} must be followed by its value. Got none."
    typed = [word for word in error.unused_tokens or () if word.startswith("--")]
    return f"`{command}` must be given {name}. Got none.{_meant(name, typed, 'instead of')}"


def _one_of(what: str, given: str, names: Sequence[str]) -> str:
    return f"{what} must be one of {', '.join(names)}. Got {given!r}.{_meant(given, names)}"


def _meant(given: str, names: Sequence[str], how: str = "") -> str:
    bare = {name.lstrip("-"): name for name in names}
    near = [bare[name] for name in difflib.get_close_matches(given.lstrip("-"), bare, n=1, cutoff=0.6)]
    if not near:
        return ""
    return f" Did you mean {given} instead of {near[0]}?" if how else f" Did you mean {near[0]}?"


def flags_of(app: App, words: Sequence[str]) -> frozenset[str]:
    """The flags of the command that `words` call."""
    _, apps, _ = app.parse_commands(list(words))
    arguments = apps[-1].assemble_argument_collection()
    return frozenset(name for argument in arguments for name in argument.names if name.startswith("--"))
