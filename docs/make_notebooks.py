"""Runs the notebooks of the documents, and puts what they say into them.

python docs/make_notebooks.py                              # all of docs/notebooks
python docs/make_notebooks.py docs/notebooks/text.ipynb

No notebook server is needed: cells are run one after the other in this process, in a folder that is then removed.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parent / "notebooks"
LARGEST = 300_000  # characters of HTML that an output keeps


def run(notebook: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The outputs of every cell of code, as a notebook keeps them."""
    names: dict[str, Any] = {"__name__": "__main__"}
    return [_outputs(_text(cell), names) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _text(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _outputs(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """Runs a cell; what it prints, and what its last expression is."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    if value is not None:
        outputs.append(
            {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": _shown(value)}
        )
    return outputs


def _shown(value: Any) -> dict[str, Any]:
    """A value as text, and as an image or as HTML where it has some of a bearable size."""
    data: dict[str, Any] = {"text/plain": _lines(repr(value))}
    html, png = getattr(value, "_repr_html_", None), getattr(value, "_repr_png_", None)
    if png is not None:
        data["image/png"] = base64.b64encode(png()).decode("ascii")
    said = html() if html is not None else None
    return data | {"text/html": _lines(said)} if said and len(said) <= LARGEST else data


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def renew(file: Path) -> None:
    """Run a notebook in an empty folder and keep its outputs."""
    notebook = json.loads(file.read_text("utf-8"))
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            outputs = run(notebook)
        finally:
            os.chdir(here)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, (cell, said) in enumerate(zip(code, outputs, strict=True), 1):
        cell["execution_count"], cell["outputs"] = number, said
        for output in said:
            if "execution_count" in output:
                output["execution_count"] = number
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(map(str, NOTEBOOKS.glob("*.ipynb"))):
        renew(Path(name))
