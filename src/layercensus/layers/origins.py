"""What a tensor was computed from: enough to tell a residual sum, and what leads to the net's output."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from .functions import tensor_arguments

ADDS = frozenset({"add", "__add__", "__radd__", "__iadd__"})


@dataclass(frozen=True)
class Origin:
    """The floating tensors that one was computed from, as bits of an integer; its own bit is among them."""

    bit: int  # 0 for integer tensors
    all: int


class Origins:
    """Remembers for every tensor that depends on the net's inputs what it was computed from."""

    def __init__(self) -> None:
        self._known: MutableMapping[Tensor, Origin] = WeakTensorKeyDictionary()
        self._next = 1

    def get(self, x: Tensor) -> Origin | None:
        """None for weights and constants."""
        return self._known.get(x)

    def start(self, x: Tensor) -> None:
        """An input of the net."""
        self._add(x, 0)

    def follow(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Take note of one function call and its output."""
        outs = [t for t in (out if isinstance(out, (tuple, list)) else (out,)) if isinstance(t, Tensor)]
        known = [o for o in map(self.get, tensor_arguments(args, kwargs)) if o is not None] if outs else []
        if known:
            for tensor in outs:
                self._add(tensor, _union(known))

    def carry(self, sources: list[Tensor], out: Tensor) -> None:
        """A module's output of unknown origin comes from its inputs."""
        known = [o for o in map(self.get, sources) if o is not None]
        if known and self.get(out) is None:
            self._add(out, _union(known))

    def is_residual_sum(self, name: str, args: tuple[Any, ...]) -> bool:
        """Whether a call adds two tensors of one shape that were computed from a common one.

        To be asked before `follow`. Sums with weights, masks or constants are none, nor are sums of embeddings.
        """
        if name not in ADDS or len(args) < 2 or not all(isinstance(t, Tensor) for t in args[:2]):
            return False
        a, b = args[0], args[1]
        if a.shape != b.shape or a.ndim < 2 or a is b or not (a.is_floating_point() and b.is_floating_point()):
            return False
        one, other = self.get(a), self.get(b)
        return one is not None and other is not None and one.all & other.all != 0

    def _add(self, x: Tensor, sources: int) -> None:
        bit = self._next if x.is_floating_point() else 0
        self._next <<= 1 if bit else 0
        self._known[x] = Origin(bit, sources | bit)


def _union(origins: list[Origin]) -> int:
    union = 0
    for origin in origins:
        union |= origin.all
    return union
