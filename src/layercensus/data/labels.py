"""Labels of any kind as class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError


def as_classes(labels: Sequence[Any] | Tensor | np.ndarray[Any, Any]) -> tuple[Tensor, tuple[str, ...] | None]:
    """(examples,) int64 class numbers, and the classes' names where labels are not whole numbers already."""
    values = labels.cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if values.ndim != 1:
        raise CensusError(f"labels must be one value per example. Got shape {values.shape}.")
    if np.issubdtype(values.dtype, np.integer) or values.dtype == bool:
        return torch.from_numpy(values.astype(np.int64)), None
    if np.issubdtype(values.dtype, np.floating):
        if not np.array_equal(values, np.round(values)):
            raise CensusError("labels must be classes. Got fractional numbers.")
        return torch.from_numpy(values.astype(np.int64)), None
    names, number = np.unique(values.astype(str), return_inverse=True)
    return torch.from_numpy(number.astype(np.int64)), tuple(str(name) for name in names)


def same_length(labels: Tensor, examples: int) -> Tensor:
    """The labels, when there is one for each example."""
    if len(labels) != examples:
        raise CensusError(f"labels must have one entry for each of the {examples:,} examples. Got {len(labels):,}.")
    return labels
