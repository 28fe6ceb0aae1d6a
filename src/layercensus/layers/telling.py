"""Calls that tell how a net treats its examples: it draws at random, sorts, branches, or takes unequally many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ..errors import some_of
from .functions import DRAWS, DRAWS_IN_TRAINING

Kind = Literal["random", "sorts", "branches", "ragged"]
_SORTS = frozenset({"sort", "argsort", "msort", "topk", "unique", "unique_consecutive"})
_BRANCHES = frozenset({"__bool__", "__int__", "__float__", "__index__", "item", "tolist", "numpy"})
_RAGGED = frozenset({"nonzero", "argwhere", "masked_select", "pack_padded_sequence", "pack_sequence"})


class Telling(NamedTuple):
    """One such call."""

    kind: Kind
    function: str
    module: str  # dotted name of the module in whose forward it is called

    @property
    def text(self) -> str:
        """The call in words."""
        return f"{self.function} in {self.module!r}" if self.module else self.function


def telling(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], module: str
) -> Telling | None:
    """What a call tells; None for most.

    >>> telling(torch.randn, (3,), {}, "encoder").text
    "randn in 'encoder'"
    """
    spelled = getattr(function, "__name__", "")
    name = spelled.strip("_")
    if spelled in _BRANCHES:
        return Telling("branches", name, module)
    if name in _RAGGED or (name == "getitem" and _by_mask(args)) or (name == "where" and len(args) == 1):
        return Telling("ragged", name, module)
    if name in _SORTS and _along_rows(args[1:] if name == "topk" else args, kwargs, args[:1]):
        return Telling("sorts", name, module)
    drops = name in DRAWS_IN_TRAINING and kwargs.get("training", args[2] if len(args) > 2 else True) is True
    return Telling("random", name, module) if name in DRAWS or drops else None


def in_words(told: Iterable[Telling], *kinds: Kind) -> str:
    """The calls of these kinds, at most three, in words; "" where there are none."""
    texts = sorted({each.text for each in told if each.kind in kinds})
    return some_of(texts, most=3)


def _along_rows(args: tuple[Any, ...], kwargs: Mapping[str, Any], first: tuple[Any, ...]) -> bool:
    """Whether a sort of `first` runs along the first axis, where the examples may lie; args[1:] may hold its axis."""
    x = first[0] if first else None
    if not isinstance(x, Tensor) or x.ndim < 2:
        return True
    named = kwargs.get("dim", next((a for a in args[1:] if isinstance(a, int) and not isinstance(a, bool)), -1))
    return named is None or int(named) % x.ndim == 0


def _by_mask(args: tuple[Any, ...]) -> bool:
    index = args[1] if len(args) > 1 else None
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, Tensor) and part.dtype == torch.bool for part in parts)
