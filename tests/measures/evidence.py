"""Shorthand for what `layercensus.testing` makes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from layercensus.measures import MEASURES, Outcome, measure
from layercensus.testing import evidence, panel

__all__ = ["evidence", "normal", "outcome", "panel"]


def outcome(*args: Any, **more: Any) -> Outcome:
    return measure(evidence(*args, **more), MEASURES)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
