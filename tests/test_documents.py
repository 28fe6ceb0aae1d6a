"""Every Python block of the documents runs, literally and in the order in which it stands."""

from __future__ import annotations

import importlib.util
import re
import runpy
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from layercensus.cli.app import app
from layercensus.cli.usage import flags_of

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
# What a document takes for granted: the reader's own net and data.
READER = """
import torch
from torch import nn
import layercensus as lc
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
data = torch.rand(40, 1, 8, 8)
"""


def documents() -> list[Path]:
    return [
        file for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if BLOCK.search(file.read_text())
    ]


@pytest.mark.parametrize("file", documents(), ids=lambda file: file.name)
def test_documented_python_runs(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": file.stem}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(READER, names)
        for block in BLOCK.findall(file.read_text("utf-8")):
            if all(importlib.util.find_spec(package) for package in needed(block)):
                exec(compile(block, str(file), "exec"), names)


def needed(block: str) -> list[str]:
    """The packages beyond the tests' own that a block says it needs in its first line."""
    return re.findall(r"\w+", block.splitlines()[0].partition("# needs")[2])


def test_what_a_block_needs() -> None:
    assert needed("# needs timm, torchvision\nimport timm") == ["timm", "torchvision"]
    assert needed("import timm  # needed") == []


@pytest.mark.parametrize("file", sorted((ROOT / "docs").glob("*.md")) + sorted(ROOT.glob("*.md")), ids=lambda f: f.name)
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", file.read_text("utf-8")):
        if "://" not in target:
            assert (file.parent / target).exists(), target


def test_the_document_of_the_columns_is_what_they_declare() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_columns.py"))["document"]()
    assert (ROOT / "docs" / "columns.md").read_text("utf-8") == made, "python docs/make_columns.py > docs/columns.md"


SCRIPTS = [file for room in ("benchmarks", "examples", "docs") for file in sorted((ROOT / room).glob("*.py"))]
ELSEWHERE = {"lucent_side.py", "site_docstrings.py"}  # run in environments of their own


@pytest.mark.parametrize("file", [f for f in SCRIPTS if f.name not in ELSEWHERE], ids=lambda file: file.name)
def test_scripts_find_what_they_import(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(file.parent))
    monkeypatch.syspath_prepend(str(ROOT))
    spec = importlib.util.spec_from_file_location(f"script_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    assert module.__doc__


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"^    ((?:layercensus|python) .*)$", re.M)
INLINE = re.compile(r"`((?:layercensus|python)\s[^`]+)`")


def lines_of_blocks(text: str) -> list[str]:
    """Every command of the sh blocks and the indented blocks, without comments."""
    lines = [line for block in SHELL.findall(text) for line in block.splitlines()] + INDENTED.findall(outside(text))
    return [shlex.join(part) for line in lines for part in parts(shlex.split(line, comments=True))]


def lines_of_sentences(text: str) -> list[str]:
    """Every command between backticks, which need not be complete."""
    return [" ".join(line.split()) for line in INLINE.findall(outside(text))]


def outside(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def parts(words: list[str]) -> list[list[str]]:
    """The commands that && joins."""
    whole: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            whole.append([])
        else:
            whole[-1].append(word)
    return whole


def documented(lines: Callable[[str], list[str]], begin: str) -> list[str]:
    """ "FILE: COMMAND" for every command that begins so."""
    found = [f"{page.name}: {line}" for page in PAGES for line in lines(page.read_text("utf-8"))]
    return [one for one in dict.fromkeys(found) if re.match(begin, one.partition(": ")[2])]


CALLS = documented(lines_of_blocks, "layercensus ")
MENTIONED = documented(lines_of_sentences, "layercensus ")
RUNS = documented(lines_of_blocks, r"python \S+\.py") + documented(lines_of_sentences, r"python \S+\.py")


def words_of(line: str) -> list[str]:
    return shlex.split(line.partition(": ")[2])[1:]


def parse(words: list[str]) -> None:
    app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("line", CALLS)
def test_a_documented_command_can_be_called(line: str) -> None:
    """Its command and flags exist and its arguments are enough; it is parsed, not run."""
    parse(words_of(line))


@pytest.mark.parametrize("line", MENTIONED)
def test_a_command_in_a_sentence_has_the_flags(line: str) -> None:
    words = words_of(line)
    flags = {word for word in words if word.startswith("--")} - {"--help", "--install-completion"}
    commands, _, _ = app.parse_commands(words)
    assert commands or words[0].startswith("--"), "no such command"
    assert not flags or flags <= set(flags_of(app, words))


@pytest.mark.parametrize("line", RUNS)
def test_a_documented_script_has_the_flags(line: str) -> None:
    script, *words = words_of(line)
    source = (ROOT / script).read_text("utf-8")
    if "from workers import" in source:
        source += (ROOT / "benchmarks" / "workers.py").read_text("utf-8")
    for flag in (word.partition("=")[0] for word in words if word.startswith("--")):
        assert f'"{flag}"' in source, flag


def test_commands_are_found_in_every_kind_of_block() -> None:
    assert len(CALLS) > 25
    assert len(RUNS) > 15


@pytest.mark.parametrize("line", ["layercensus count x y", "layercensus run digits digits --out x --nothing 3"])
def test_a_wrong_command_is_seen(line: str) -> None:
    with pytest.raises(CycloptsError):
        parse(shlex.split(line)[1:])


PRIVATE = re.compile(r"\b(comes? back|coming back|spool|whole numbers|truth values|floating ones|doubt of the count)\b")


def test_no_private_word_is_left() -> None:
    """What has a usual name goes by it: reproducible, integers, booleans, uncertainty."""
    source = ROOT / "src" / "layercensus"
    files = [ROOT / "pyproject.toml", *PAGES, *source.rglob("*.py"), *source.rglob("*.html")]
    found = {file.name: PRIVATE.findall(" ".join(file.read_text("utf-8").split())) for file in files}
    assert {name: words for name, words in found.items() if words} == {}


def test_every_document_has_a_place_on_the_site() -> None:
    site = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert [file.name for file in (ROOT / "docs").glob("*.md") if f": {file.name}\n" not in site] == []
