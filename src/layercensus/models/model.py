"""A model: a net and what is known about it beyond its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from .prepare import Prepare


@dataclass(frozen=True)
class Model:
    """A net and what is known about it beyond its weights.

    >>> import layercensus as lc
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))
    >>> lc.Model(net, "mine", classes=("cat", "dog", "owl")).name
    'mine'
    """

    net: nn.Module
    name: str
    fresh: Callable[[int], nn.Module] | None = None  # the same architecture, freshly initialised with a seed
    prepare: Prepare | None = None
    classes: tuple[str, ...] | None = None
    example: Callable[[], Any] | None = None  # a small input with which the layers are listed
    about: Mapping[str, Any] = field(default_factory=dict)
