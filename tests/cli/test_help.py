"""Every command explains itself: examples, defaults and helps that are the library's own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from typing import Any

import pytest
import torch
from cyclopts import App

import layercensus as lc
from layercensus.cli.app import app, main
from layercensus.cli.defaults import DefaultAt
from layercensus.cli.setting_flags import SettingFlags, settings_of
from layercensus.data.table import OPENERS as DATA
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.models.digits import factory
from layercensus.models.table import OPENERS as MODELS
from layercensus.settings import about_setting
from layercensus.visualise.names import objectives_of


def commands(of: App, *before: str) -> Iterator[tuple[str, ...]]:
    for name in of:
        if not name.startswith("-"):
            yield (*before, name)
            yield from commands(of[name], *before, name)


def app_of(words: tuple[str, ...]) -> App:
    one = app
    for word in words:
        one = one[word]
    return one


COMMANDS = list(commands(app))
CALLED = [words for words in COMMANDS if app_of(words).default_command]  # and not only a group of others


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    assert main([*words, "--help"]) == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def integers() -> list[tuple[tuple[str, ...], str]]:
    """Every flag of every command that takes an integer."""
    return [
        (words, argument.name)
        for words in CALLED
        for argument in app_of(words).assemble_argument_collection()
        if re.search(r"\bint\b", str(argument.hint))
    ]


def test_no_command_is_lost() -> None:
    names = {words[0] for words in COMMANDS}
    expected = "demo run layers merge timeline show report diff compare advise width see atlas prior lab"
    assert names == set(expected.split())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_has_an_example_of_the_command(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert f"layercensus {' '.join(words)}" in help_of(words, capsys).partition("Examples:")[2]


def examples() -> list[str]:
    """Every line of a command's examples, once."""
    lines = [line for words in COMMANDS for line in (app_of(words).help_epilogue or "").splitlines()[1:]]
    return list(dict.fromkeys(lines))


@pytest.mark.parametrize("line", examples(), ids=str.strip)
def test_an_example_can_be_called_and_does_not_wrap(line: str) -> None:
    """Its flags exist and its arguments are enough; it is parsed, not run."""
    assert len(line) <= 80
    program, *words = shlex.split(line)
    assert program == "layercensus"
    app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("line", [one for one in examples() if " digits" in one], ids=str.strip)
def test_an_example_on_the_digits_names_layers_that_are_there(line: str) -> None:
    _, bound, _ = app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    net = factory(0)
    found = survey(net, torch.zeros(2, 1, 8, 8))
    for glob in getattr(bound.arguments.get("counted"), "layers", None) or ():
        assert select(net, found, glob)
    for target in bound.arguments.get("targets", ()):
        assert objectives_of(target, net, found)


def borrowed() -> list[DefaultAt]:
    """Every default that stays with the library."""
    shown = [one.parameter.show_default for words in CALLED for one in app_of(words).assemble_argument_collection()]
    return sorted({one for one in shown if isinstance(one, DefaultAt)}, key=lambda one: one.where)


@pytest.mark.parametrize("one", borrowed(), ids=lambda one: one.where)
def test_a_borrowed_default_is_what_the_library_has(one: DefaultAt) -> None:
    file, _, name = one.where.partition(":")
    value: Any = import_module(f"layercensus.{file.replace('/', '.')}")
    for part in name.split("."):
        value = getattr(value, part)
    assert one.value() == value


def test_models_and_data_are_those_of_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    said = help_of(("run",), capsys)
    assert all(usage in said for usage in (*MODELS, *DATA))


@pytest.mark.parametrize("one", fields(lc.Settings), ids=lambda one: one.name)
def test_help_and_defaults_are_those_of_the_settings(one: Any, capsys: pytest.CaptureFixture[str]) -> None:
    about, said = about_setting(one), help_of(("run",), capsys)
    if about.flag is None:
        return
    assert f"{about.flag} {about.flag_help}" in said
    if isinstance(one.default, (int, float)) and not isinstance(one.default, bool):
        assert f"{about.flag_help} [default: {one.default}]" in said


def test_no_flags_are_the_default_settings() -> None:
    assert settings_of(SettingFlags()) == lc.Settings()


@pytest.mark.parametrize(("words", "flag"), integers(), ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_a_fraction_for_an_integer_is_refused(
    words: tuple[str, ...], flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", "x"] if words == ("run",) else []
    first = ["results"] if words == ("advise",) else []
    last = ["act.5"] if words == ("atlas",) else []
    assert (
        main([*words, *first, *([] if words[0] in ("lab", "demo") else ["digits", "digits"]), *last, *out, flag, "2.5"])
        == 2
    )
    assert capsys.readouterr().err.startswith(f"layercensus: {flag} must be an integer. Got '2.5'.")


def test_completion_knows_the_flags() -> None:
    assert "--skip-bad" in app.generate_completion(shell="bash")


def test_nothing_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "layercensus demo" in capsys.readouterr().out
