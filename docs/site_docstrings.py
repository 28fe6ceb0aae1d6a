"""The house's docstrings as the site's tool reads them: parameters that stand as `name: what it is` become a list."""

from __future__ import annotations

import re
from typing import Any

import griffe

PARAMETER = re.compile(r"^(\w+): ")


class Parameters(griffe.Extension):
    """Puts "Args:" above the parameters of every function."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Called with every function that is read."""
        if func.docstring is not None:
            func.docstring.value = as_arguments(func.docstring.value, {p.name for p in func.parameters})


def as_arguments(text: str, names: set[str]) -> str:
    """The text with the paragraph that begins with a parameter as a section.

    >>> as_arguments("Add.\\n\\na: one\\nb: another", {"a", "b"})
    'Add.\\n\\nArgs:\\n    a: one\\n    b: another'
    """
    paragraphs = text.split("\n\n")
    for number, paragraph in enumerate(paragraphs):
        found = PARAMETER.match(paragraph)
        if found and found[1] in names:
            paragraphs[number] = "Args:\n" + "\n".join("    " + line for line in paragraph.splitlines())
    return "\n\n".join(paragraphs)
