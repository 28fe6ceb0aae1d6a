"""The documents' notebooks run from the first cell to the last, offline, and show what they were run for."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_notebooks", DOCS / "make_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs(file: Path, make: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = json.loads(file.read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    outputs = make.run(notebook)
    kept = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    kinds = [[output["output_type"] for output in said] for said in outputs]
    assert kinds == [[output["output_type"] for output in said] for said in kept]
    assert file.stat().st_size < 300_000


def test_every_notebook_is_on_the_page_of_notebooks() -> None:
    page = (DOCS / "notebooks.md").read_text("utf-8")
    assert len(NOTEBOOKS) == 4
    assert all(f"(notebooks/{file.name})" in page for file in NOTEBOOKS)
