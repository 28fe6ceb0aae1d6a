"""Evidence made directly from numbers, without a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from layercensus.measures import MEASURES, Evidence, measure
from layercensus.measures.measure import Outcome
from layercensus.settings import Settings
from layercensus.tally import Panel, Streams


def panel(clean: Tensor, a: Tensor, b: Tensor, keys: Tensor, label: Tensor | None = None) -> Panel:
    """clean: (examples, spots, units); a, b: (examples, units), the views' spatial means."""
    label = torch.full_like(keys, -1) if label is None else label
    whole = Panel.empty(clean.shape[2], capacity=len(keys), spots=clean.shape[1], bins=clean[0].numel())
    whole.merge(Panel(whole.capacity, keys, label, clean.mean(1), clean.amax(1), a, a, b, b, clean, clean.flatten(1)))
    return whole


def evidence(
    clean: Tensor, a: Tensor, b: Tensor, *, label: Tensor | None = None, keys: Tensor | None = None, **more: Any
) -> Evidence:
    keys = torch.arange(len(clean)) if keys is None else keys
    streams = Streams.empty(clean.shape[2])
    streams.update(clean.mean(1), clean.amax(1), keys)
    rows = panel(clean, a, b, keys, label)
    more = {"settings": Settings(dimension=True), "rarefy_to": clean.shape[2]} | more
    return Evidence(clean.shape[2], streams, rows, **more)


def outcome(*args: Any, **more: Any) -> Outcome:
    return measure(evidence(*args, **more), MEASURES)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
