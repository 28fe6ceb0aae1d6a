"""How a command ends: its exit code, its one line, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import layercensus
from layercensus.cli import app as command
from layercensus.cli.interrupt import Terminated, kept
from layercensus.cli.see import Asked
from layercensus.errors import CensusError

SRC = os.path.dirname(os.path.dirname(layercensus.__file__))


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_an_interrupt_says_what_is_kept(
    stop: type[BaseException], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def interrupted(*_: Any, **__: Any) -> None:
        raise stop

    monkeypatch.setattr(import_module("layercensus.take"), "take", interrupted)
    argv = ["run", "tests.user_models:small", "digits", "--out", str(tmp_path)]
    assert command.main(argv) == code
    said = capsys.readouterr().err
    assert said == (
        "layercensus: interrupted; what is counted is kept, resume with the same command and --resume "
        f"(in {tmp_path})\n"
    )


def test_an_interrupt_where_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("layercensus.census.census.load", interrupted)
    assert command.main(["report", "x"]) == 130
    assert capsys.readouterr().err == "layercensus: interrupted\n"


def test_other_errors_pass_through_what_is_kept() -> None:
    with pytest.raises(CensusError, match="full"), kept("counted", "x"):
        raise CensusError("full")


def test_sigterm_is_as_it_was_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    command.main(["--version"])
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_that_leaves_is_no_error() -> None:
    env = {**os.environ, "PYTHONPATH": SRC}
    line = f"{sys.executable} -m layercensus.cli run --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_targets_after_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Asked] = []
    monkeypatch.setattr("layercensus.cli.see._see", lambda asked, out: seen.append(asked))
    words = [
        "see",
        "net",
        "a:1",
        "--replica",
        "other",
        "b:2",
        "--replica",
        "third",
        "--quiet",
        "c:3",
        "--top",
        "3",
        "d",
    ]
    assert command.main(words) == 0
    assert seen[0].targets == ("a:1", "b:2", "c:3", "d")
    assert seen[0].compared.replica == ["other", "third"]
    assert seen[0].running.quiet


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("alloc_cpu.cpp: can't allocate memory: 2 bytes"),
        OSError(36, "File name too long"),
        OverflowError("Python int too large to convert to C ssize_t"),
        ValueError("Overflow when unpacking long long"),
        ValueError("embedded null byte"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ],
)
def test_what_the_machine_refuses_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("layercensus.census.census.load", refused)
    assert command.main(["report", "x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_other_value_errors_are_bugs_and_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("operands could not be broadcast")

    monkeypatch.setattr("layercensus.census.census.load", broken)
    with pytest.raises(ValueError, match="broadcast"):
        command.main(["report", "x"])


@pytest.mark.parametrize(
    "words",
    [
        ["prior", "digits", "--steps", "1", "--out", "a\0b", "--quiet"],
        ["prior", "digits", "--steps", "9" * 30, "--quiet"],
        ["see", "digits", "conv1:0", "--census", "a\0b"],
        ["run", "tests.user_models:small", "digits", "--out", "\ud800", "--quiet", "--no-twin"],
        ["report", "a\0b"],
        ["report", "x" * 5000],
    ],
)
def test_what_no_file_can_be_called_and_no_number_can_be(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("layercensus: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(("redirect", "encoding"), [(">&-", "utf-8"), ("2>&-", "utf-8"), ("", "ascii")])
def test_closed_and_narrow_streams(redirect: str, encoding: str) -> None:
    env = {**os.environ, "PYTHONPATH": SRC, "PYTHONIOENCODING": encoding}
    line = f"{sys.executable} -m layercensus.cli report 'n\u00fcll' {redirect}"
    done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == (redirect != "2>&-")


def test_groups_come_from_a_file_or_an_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each example; an empty one names none; what is no file is an entry of the data."""
    given: list[Any] = []

    def taken(*_: Any, groups: Any, **__: Any) -> None:
        given.append(groups)
        raise ZeroDivisionError

    monkeypatch.setattr(import_module("layercensus.take"), "take", taken)
    (tmp_path / "speakers.txt").write_text("ann\n\nbob\n", "utf-8")
    argv = ["run", "tests.user_models:small", "digits", "--out", str(tmp_path / "o")]
    for name in (str(tmp_path / "speakers.txt"), "speaker"):
        with pytest.raises(ZeroDivisionError):
            command.main([*argv, "--groups", name])
    assert given == [["ann", "", "bob"], "speaker"]
    assert command.main([*argv, "--groups", str(tmp_path / "no.txt")]) == 2
    assert "--groups must be a text file with a line for each example. Got " in capsys.readouterr().err
