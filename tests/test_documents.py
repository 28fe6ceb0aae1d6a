"""Every Python block of the documents runs, literally and in the order in which it stands."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
import warnings
from pathlib import Path

import pytest

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
            exec(compile(block, str(file), "exec"), names)


@pytest.mark.parametrize("file", sorted((ROOT / "docs").glob("*.md")) + sorted(ROOT.glob("*.md")), ids=lambda f: f.name)
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", file.read_text("utf-8")):
        if "://" not in target:
            assert (file.parent / target).exists(), target


def test_the_document_of_the_columns_is_what_they_declare() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_columns.py"))["document"]()
    assert (ROOT / "docs" / "columns.md").read_text("utf-8") == made, "python docs/make_columns.py > docs/columns.md"


SCRIPTS = [file for room in ("benchmarks", "examples", "docs") for file in sorted((ROOT / room).glob("*.py"))]
ELSEWHERE = {"lucent_side.py"}  # runs in an environment of its own


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
