"""What an example is to the net, as a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import Any

import torch
from torch import Tensor

from .batch import Batch, tensors

GLANCE = 1024  # numbers of a tensor that are looked at


def contents(batch: Batch) -> list[int]:
    """A 64-bit hash of what the net is given of each example; padding behind its last token does not count.

    Cost: one pass over the bytes, about a millisecond a megabyte.
    """
    columns = [x.detach().cpu().contiguous() for x in tensors(batch.inputs)]
    lengths = None if batch.mask is None else _lengths(batch.mask)
    return [_content(columns, row, batch.mask, lengths) for row in range(len(batch.ids))]


def glances(batch: Batch) -> list[int]:
    """A 64-bit hash of a small part of each example: copies have the same, and few others do.

    Cost: nearly nothing, whatever the size of an example.
    """
    if batch.mask is not None:
        return contents(batch)  # of what is padded a part says nothing
    columns = [x.detach().reshape(len(batch.ids), -1).cpu() for x in tensors(batch.inputs)]
    few = [x[:, :: max(1, x.shape[1] // GLANCE)].contiguous().view(torch.uint8) for x in columns if x.shape[1]]
    shape = "|".join(str(tuple(x.shape[1:])) for x in tensors(batch.inputs)).encode()
    return [_number([shape, *(x[row].numpy().data for x in few)]) for row in range(len(batch.ids))]


def _number(parts: Iterable[Any]) -> int:
    digest = sha1(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest()[:8], "little", signed=True)


def _content(columns: Sequence[Tensor], row: int, mask: Tensor | None, lengths: list[int] | None) -> int:
    digest = sha1(usedforsecurity=False)
    for column in columns:
        part = column[row]
        if mask is not None and lengths is not None and column.ndim > 1 and column.shape[1] == mask.shape[1]:
            part = part[: lengths[row]]
        digest.update(f"{tuple(part.shape)}|".encode())
        digest.update(part.reshape(-1).contiguous().view(torch.uint8).numpy().data)
    if mask is not None and lengths is not None:
        digest.update(mask[row, : lengths[row]].contiguous().view(torch.uint8).numpy().data)
    return int.from_bytes(digest.digest()[:8], "little", signed=True)


def _lengths(mask: Tensor) -> list[int]:
    """Positions of each example up to the last that counts."""
    last = (mask * torch.arange(1, mask.shape[1] + 1)).amax(1) if mask.shape[1] else torch.zeros(len(mask))
    return [int(n) for n in last]
