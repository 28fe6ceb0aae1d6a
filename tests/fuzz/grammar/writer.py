"""Writes the source of one module class, statement by statement, and keeps what every layer's axes hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from ..layout import Layout

T = TypeVar("T")
HEADER = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"


@dataclass(frozen=True)
class Value:
    """A variable of the source."""

    var: str
    layout: Layout
    rows: str = "all"  # which examples it holds, in which order: only those of one name go together
    drawn: bool = False  # random numbers went into it


@dataclass
class Book:
    """Everything that the classes of one net share."""

    layouts: list[tuple[Layout, bool]] = field(default_factory=list)  # by the number in the source's tape(...) lines
    classes: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)  # operations that were used

    def source(self, taped: bool) -> str:
        """The program; `taped`: with the lines that hand each layer's output to the reference."""
        lines = "\n\n".join([HEADER, *self.classes]).split("\n")
        return "\n".join(line for line in lines if taped or not line.lstrip().startswith("tape("))


class Writer:
    """The source of one class while it is written."""

    def __init__(self, rng: np.random.Generator, book: Book, name: str, arguments: Sequence[str]) -> None:
        self.rng, self.book, self.name, self.arguments = rng, book, name, list(arguments)
        self.init: list[str] = []
        self.body: list[str] = []
        self.indent = "        "
        self.length = 0  # of sequences, where they have lengths
        self.beside: list[str] = []  # variables with one row an example, which follow every change of the rows
        self.saved: list[Value] = []
        self.modules: list[tuple[str, str, Any]] = []  # attribute, kind, what it takes: to be called again
        self._names: Counter[str] = Counter()

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.rng.integers(len(values)))]

    def fresh(self, stem: str) -> str:
        """A name that was not used in this class."""
        self._names[stem] += 1
        return f"{stem}{self._names[stem]}"

    def say(self, *lines: str) -> None:
        """Statements of `forward`."""
        self.body.extend(self.indent + line for line in lines)

    def own(self, stem: str, code: str) -> str:
        """An attribute that `__init__` sets to `code`."""
        name = self.fresh(stem)
        self.init.append(f"        self.{name} = {code}")
        return name

    def let(self, code: str, like: Value, layout: Layout | None = None, **more: Any) -> Value:
        """A new variable with the value of an expression."""
        var = self.fresh("h")
        self.say(f"{var} = {code}")
        return replace(like, var=var, layout=like.layout if layout is None else layout, **more)

    def call(self, module: str, given: Value, layout: Layout | None = None, code: str = "", **more: Any) -> Value:
        """A new variable with the output of one of the class's own modules, which is a layer."""
        value = self.let(code or f"self.{module}({given.var})", given, layout, **more)
        self.module_tape(module, value)
        return value

    def module_tape(self, module: str, value: Value) -> None:
        """Say what the last output of a module holds; `module` may hold an expression in braces."""
        path = f'f"{module}"' if "{" in module else f'"{module}"'
        self.say(f"tape(self, {path}, None, {self._note(value)})")

    def function(self, name: str, code: str, given: Value, layout: Layout | None = None) -> Value:
        """A new variable with the output of a torch function, which may be a layer of this name."""
        value = self.let(code, given, layout)
        self.function_tape(name, value)
        return value

    def function_tape(self, name: str, value: Value) -> None:
        self.say(f'tape(self, "{name}", {value.var}, {self._note(value)})')

    def _note(self, value: Value) -> int:
        self.book.layouts.append((value.layout, value.drawn))
        return len(self.book.layouts) - 1

    def close(self, returned: str) -> None:
        """Put the class into the book; classes are kept in the order in which they are needed."""
        init = "\n".join(["        super().__init__()", *self.init])
        body = "\n".join([*self.body, f"        return {returned}"])
        self.book.classes.append(
            f"class {self.name}(nn.Module):\n    def __init__(self):\n{init}\n\n"
            f"    def forward(self, {', '.join(self.arguments)}):\n{body}"
        )
