"""Evidence made directly from numbers, without a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..measures import Evidence
from ..settings import Settings
from ..tally import Panel, Streams
from ..tally.panel import ROWS


def panel(
    clean: Tensor, a: Tensor, b: Tensor, keys: Tensor, label: Tensor | None = None, group: Tensor | None = None
) -> Panel:
    """The panel of these readings.

    clean: (examples, spots, units); a, b: (examples, units), the spatial means in two views; keys, label, group:
    (examples,).
    """
    label = torch.full_like(keys, -1) if label is None else label
    whole = Panel.empty(clean.shape[2], capacity=len(keys), spots=clean.shape[1], bins=clean[0].numel())
    mean, peak, group = clean.mean(1), clean.amax(1), keys if group is None else group
    whole.merge(Panel(whole.capacity, keys, label, mean, peak, a, a, b, b, clean, clean.flatten(1), group))
    return whole


def evidence(
    clean: Tensor, a: Tensor, b: Tensor, *, label: Tensor | None = None, keys: Tensor | None = None,
    group: Tensor | None = None, **more: Any,
) -> Evidence:  # fmt: skip
    """Evidence of one layer whose panel and streams hold these readings; see `panel`. more: fields of `Evidence`.

    >>> import torch
    >>> x = torch.randn(40, 3, 5, generator=torch.Generator().manual_seed(0))
    >>> evidence(x, x.mean(1), x.mean(1)).width
    5
    """
    keys = torch.arange(len(clean)) if keys is None else keys
    streams = Streams.empty(clean.shape[2])
    streams.update(clean.mean(1), clean.amax(1), keys)
    rows = panel(clean, a, b, keys, label, group)
    plain = Evidence(clean.shape[2], streams, rows, Settings(dimension=True), clean.shape[2])
    return replace(plain, **more)


def first(whole: Evidence, examples: int) -> Evidence:
    """The same layer, had only the first examples been seen."""

    def cut(rows: Panel) -> Panel:
        return Panel(rows.capacity, *(getattr(rows, name)[:examples] for name in ROWS))

    few = cut(whole.panel)
    streams = Streams.empty(whole.width)
    streams.update(few.mean, few.peak, few.key)
    return replace(whole, panel=few, streams=streams, replicas=tuple(map(cut, whole.replicas)))
