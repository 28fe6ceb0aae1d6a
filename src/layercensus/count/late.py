"""Modules that run for the first time after the layers were surveyed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from ..data.batch import Batch
from ..layers.net import modules_by_name


class Late:
    """Notes which of some modules are called, and by a batch that begins with which example."""

    def __init__(self, before: Mapping[str, str]) -> None:
        self.met = dict(before)  # module -> id of an example
        self.batch: Batch | None = None  # that is under way

    def _note(self, name: str) -> None:
        if self.batch is not None:
            ids = self.batch.ids
            self.met.setdefault(name, ids[0] if len(ids) == 1 else f"{ids[0]} or one of the {len(ids) - 1} after it")


def sentences(met: Mapping[str, str]) -> tuple[str, ...]:
    """One for each module that was met."""
    return tuple(f"Module {name!r} first ran for example {id!r}" for name, id in met.items())


@contextmanager
def watching(net: nn.Module, names: Sequence[str], before: Mapping[str, str]) -> Iterator[Late]:
    """As long as this is open, modules of these names are watched; without any, at no cost.

    before: what an interrupted part of the same count has noted.
    """
    late, modules = Late(before), modules_by_name(net)
    with ExitStack() as stack:
        for name in names:

            def hook(module: nn.Module, args: Any, output: Any, name: str = name) -> None:
                late._note(name)

            stack.callback(modules[name].register_forward_hook(hook).remove)
        yield late
