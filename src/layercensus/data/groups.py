"""Which source an example comes from (a photograph, a speaker, a document), as a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import CensusError
from .keys import key
from .label_values import entry

Groups = Sequence[Any] | Tensor | NDArray[Any]
NO_GROUP = 0  # an example whose source is not known: it stands for itself
WHAT = "groups must be one source per example, as an integer or a name"


def group_keys(groups: Groups) -> Tensor:
    """(examples,) int64: the same number for the same source, on every machine; 0 where none is named.

    None, NaN and blank text name none. 3, 3.0 and "3" are one source.

    >>> a, b, none, again = group_keys(["ann", "bob", None, "ann"]).tolist()
    >>> (a == again, a == b, none)
    (True, False, 0)

    Raises:
        CensusError: not one value per example.
    """
    values = groups.detach().cpu().numpy() if isinstance(groups, Tensor) else groups
    if isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise CensusError(f"{WHAT}. Got shape {tuple(values.shape)}.")
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__iter__"):
        raise CensusError(f"{WHAT}. Got {type(groups).__name__}.")
    return torch.tensor([_key(value) for value in values], dtype=torch.int64)


def same_length(groups: Tensor, examples: int) -> Tensor:
    """The groups, when there is one for each example."""
    if len(groups) != examples:
        raise CensusError(f"groups must have one entry for each of the {examples:,} examples. Got {len(groups):,}.")
    return groups


def _key(value: Any) -> int:
    value = entry(value)
    if value is None:
        return NO_GROUP
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (Tensor, np.ndarray, list, tuple, dict, set)):
        raise CensusError(f"{WHAT}. Got {type(value).__name__} for an example.")
    return key(f"group\0{value}") or 1
