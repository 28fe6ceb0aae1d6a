"""What every tally is: state that can be updated, merged with another's, and written down."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor


@dataclass
class Tally:
    """The fields ARE the state: tensors whose merge equals a count of both parts of the data."""

    def merge(self, other: Self) -> None:
        """Add what `other` counted; the order of merging does not matter."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Tensor]:
        """The state as plain tensors, ready for safetensors."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        """The tally whose `state_dict()` this was."""
        return cls(**state)


def keep_best(value: Tensor, key: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest values of each column with their keys; ties go to the smaller key.

    value, key: (rows, units); returned (k, units), largest first.
    """
    order = key.argsort(dim=0, stable=True)
    value, key = value.gather(0, order), key.gather(0, order)
    order = value.argsort(dim=0, descending=True, stable=True)[:k]
    return value.gather(0, order), key.gather(0, order)


def highest(value: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest values of each column and their rows, (k, units) each, largest first; ties go to the upper row.

    value: (rows, units), any k. Cost: one `topk`, which a full sort exceeds fifty times; `topk` alone would break ties
    as it likes, so equal values at the threshold are chosen from the top down.
    """
    k = min(k, len(value))
    threshold = value.topk(k, dim=0).values[-1]
    above, equal = value > threshold, value == threshold
    wanted = k - above.sum(0, dtype=torch.int32)
    chosen = above | (equal & (equal.cumsum(0, dtype=torch.int32) <= wanted))
    rows = chosen.T.nonzero()[:, 1].view(-1, k).T
    best = value.gather(0, rows)
    order = best.argsort(dim=0, descending=True, stable=True)
    return best.gather(0, order), rows.gather(0, order)


def padded(value: Tensor, rows: int, fill: float) -> Tensor:
    """`value` with rows of `fill` below until it has `rows` rows."""
    missing = rows - len(value)
    return value if missing <= 0 else torch.cat([value, value.new_full((missing, *value.shape[1:]), fill)])
