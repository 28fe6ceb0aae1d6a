"""Defaults of flags that stay with the library: read for `--help` from its source, as importing it takes seconds."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).parents[1]


@dataclass(frozen=True)
class DefaultAt:
    """What help shows as the default of a flag: the constant at "folder/file:NAME" or "folder/file:Class.field".

    >>> DefaultAt("settings:TAU_GRID").value()[0]
    0.5
    """

    where: str

    def __call__(self, _: Any) -> str:
        value = self.value()
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    def value(self) -> Any:
        """The constant itself."""
        file, _, name = self.where.partition(":")
        return _constant(ast.parse((LIBRARY / f"{file}.py").read_text("utf-8")).body, name.split("."))


def _constant(file: Sequence[ast.stmt], names: Sequence[str]) -> Any:
    scope = file
    for owner in names[:-1]:
        scope = next(node.body for node in file if isinstance(node, ast.ClassDef) and node.name == owner)
    given = next(value for node in scope if (value := _assigned(node, names[-1])) is not None)
    return _constant(file, [given.id]) if isinstance(given, ast.Name) else ast.literal_eval(given)


def _assigned(node: ast.stmt, name: str) -> ast.expr | None:
    """What a statement gives to `name`, if it does."""
    if isinstance(node, ast.Assign):
        return node.value if any(isinstance(to, ast.Name) and to.id == name for to in node.targets) else None
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
        return node.value
    return None
