"""Library errors speak Python; the command says the same in its flags."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import layercensus
from layercensus.cli.app import app
from layercensus.cli.flags import in_flags
from layercensus.cli.usage import flags_of

LIBRARY = Path(layercensus.__file__).parent
SNAPSHOT = Path(__file__).parents[1] / "messages.txt"
PYTHON = re.compile(r"\b\w+=(True|False|FILE|FOLDER|PIXELS|\.\.\.)|\b(layers_of|take|Settings|Prepare)\(|another out\b")
SAID = [
    ("run", "x already holds pictures. Pass another out, overwrite=True, or resume=True.",
     "x already holds pictures. Pass another --out, --overwrite, or --resume."),
    ("run", "Remove it, or allow for such files with limit_bad=3.",
     "Remove it, or allow for such files with --skip-bad 3."),
    ("run", "limit_bad must be at least 0. Got -1.", "--skip-bad must be at least 0. Got -1."),
    ("run", "sketch must be at least 1. Got 0.", "sketch must be at least 1. Got 0."),
    ("run", "layers must match a layer. Got 'x'. List them with layers_of(model).",
     "--layers must match a layer. Got 'x'. List them with `layercensus layers MODEL`."),
    ("see", "layers must match a layer. Got 'x'.", "layers must match a layer. Got 'x'."),
    ("run", "data must be one of digits.", "data must be one of digits."),
    ("see", "data must be one of digits.", "--data must be one of digits."),
    ("merge", "out must be another folder than those of the shards. Got x.",
     "--out must be another folder than those of the shards. Got x."),
    ("run", "x holds a counted shard. Pass another out, or remove the folder to count it again.",
     "x holds a counted shard. Pass another --out, or --overwrite."),
    ("run", "overwrite and resume exclude each other: one begins anew. Got both.",
     "--overwrite and --resume exclude each other: one begins anew. Got both."),
    ("see", "x needs a prior. Pass prior=FILE, which train_prior(data).save(FILE) makes.",
     "x needs a prior. Pass --prior FILE, which `layercensus prior DATA --out FILE` makes."),
    ("see", "x needs a prior: layercensus.visualise.train_prior(data).save(FILE), then prior=FILE.",
     "x needs a prior: `layercensus prior DATA --out FILE`, then --prior FILE."),
    ("see", "x needs data to be looked at. Pass data=....", "x needs data to be looked at. Pass --data DATA."),
    ("merge", "x must hold a counted shard, of take(..., settings=Settings(shard=(1, 4), out=FOLDER)). Got none.",
     "x must hold a counted shard, of `layercensus run ... --shard 1/4 --out FOLDER`. Got none."),
    ("see", "Images must be of one size. Pass size=PIXELS.", "Images must be of one size. Pass --size PIXELS."),
    ("layers", "x needs an input to be looked at. Pass data as well: layers_of(model, data).",
     "x needs an input to be looked at. Pass data as well: `layercensus layers MODEL DATA`."),
]  # fmt: skip


@pytest.mark.parametrize(("command", "library", "typed"), SAID)
def test_a_message_in_flags(command: str, library: str, typed: str) -> None:
    assert in_flags(library, flags_of(app, [command])) == typed


def messages() -> Iterator[tuple[str, str]]:
    """Where a `CensusError` is raised in the library, and its words; what is filled in stands as {}."""
    for file in sorted(LIBRARY.rglob("*.py")):
        if "cli" in file.relative_to(LIBRARY).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CensusError" and node.args:
                yield f"{file.relative_to(LIBRARY)}:{node.lineno}", _words(node.args[0])


def _words(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part) for part in node.values)
    return "{}"


@pytest.mark.parametrize(("place", "words"), list(messages()))
def test_the_library_names_no_flag(place: str, words: str) -> None:
    assert not re.search(r"(^|[\s`(])--[a-z]", words)


def test_the_command_says_nothing_in_python() -> None:
    lines = SNAPSHOT.read_text("utf-8").splitlines()
    assert [line for line in lines if PYTHON.search(line)] == []
