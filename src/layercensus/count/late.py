"""Modules that run for the first time after the layers were surveyed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from ..data.batch import Batch
from ..layers.net import modules_by_name


class Late:
    """Notes which of some modules are called, and by a batch that begins with which example."""

    def __init__(self) -> None:
        self.met: dict[str, str] = {}  # module -> id of an example
        self.batch: Batch | None = None  # that is under way

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each module that was met."""
        return tuple(f"Module {name!r} first ran for example {id!r}" for name, id in self.met.items())

    def _note(self, name: str) -> None:
        if self.batch is not None:
            ids = self.batch.ids
            self.met.setdefault(name, ids[0] if len(ids) == 1 else f"{ids[0]} or one of the {len(ids) - 1} after it")


@contextmanager
def watching(net: nn.Module, names: Sequence[str]) -> Iterator[Late]:
    """As long as this is open, modules of these names are watched; without any, at no cost."""
    late, modules = Late(), modules_by_name(net)
    with ExitStack() as stack:
        for name in names:

            def hook(module: nn.Module, args: Any, output: Any, name: str = name) -> None:
                late._note(name)

            stack.callback(modules[name].register_forward_hook(hook).remove)
        yield late
