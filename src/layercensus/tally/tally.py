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

    def move(self, device: torch.device | str) -> None:
        """Bring the state to a device, single numbers apart, which go with any."""
        for field in fields(self):
            x = getattr(self, field.name)
            if x.ndim and x.device != torch.device(device):
                setattr(self, field.name, x.to(device))

    def state_dict(self) -> dict[str, Tensor]:
        """The state as plain tensors, ready for safetensors."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        """The tally whose `state_dict()` this was."""
        return cls(**state)


def keep_best(value: Tensor, key: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest values of each column with their keys; ties go to the smaller key.

    value, key: (rows, units), few rows: the best of what was counted and the best of what is new; returned (k, units),
    largest first.
    """
    order = key.argsort(dim=0, stable=True)
    value, key = value.gather(0, order), key.gather(0, order)
    order = value.argsort(dim=0, descending=True, stable=True)[:k]
    return value.gather(0, order), key.gather(0, order)


def highest(value: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest values of each column and their rows, (k, units) each, largest first; ties go to the upper row.

    value: (rows, units), any k. Cost: one `topk`; columns in which it had equal values to choose from, which it breaks
    as it likes, are ranked again from the top down.
    """
    k = min(k, len(value))
    columns = value.T.contiguous()
    best, rows = columns.topk(k, dim=1)
    tied = ((columns >= best[:, -1:]).sum(1, dtype=torch.int32) > k) | (best[:, 1:] == best[:, :-1]).any(1)
    if bool(tied.any()):
        best[tied], rows[tied] = _upper_first(columns[tied], best[tied, -1:], k)
    return best.T, rows.T


def _upper_first(columns: Tensor, threshold: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The same for columns (units, rows) with equal values; threshold: (units, 1), the least that is among the k."""
    above, equal = columns > threshold, columns == threshold
    wanted = k - above.sum(1, keepdim=True, dtype=torch.int32)
    chosen = above | (equal & (equal.cumsum(1, dtype=torch.int32) <= wanted))
    rows = chosen.nonzero()[:, 1].view(-1, k)
    best = columns.gather(1, rows)
    order = best.argsort(dim=1, descending=True, stable=True)
    return best.gather(1, order), rows.gather(1, order)


def padded(value: Tensor, rows: int, fill: float) -> Tensor:
    """`value` with rows of `fill` below until it has `rows` rows."""
    missing = rows - len(value)
    return value if missing <= 0 else torch.cat([value, value.new_full((missing, *value.shape[1:]), fill)])
