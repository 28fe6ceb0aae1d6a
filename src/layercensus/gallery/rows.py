"""The examples of a table to which units respond most, as rows of numbers under the names of their columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.batch import Inputs, tensors
from ..data.source import Source
from .gallery import Gallery

MOST = 1000  # columns of a row that is kept
BATCH = 256


def with_rows(gallery: Gallery, source: Source, units: pd.DataFrame, most: int) -> Gallery:
    """The gallery with at most `most` rows, those that top units first; read once more, without the net.

    units: of the census, with the ids of each unit's top examples.
    """
    wanted = set(_by_rank(units["top"], most))
    examples: dict[str, bytes] = {}
    names: tuple[str, ...] = ()
    for batch in source.batches(BATCH, skip=lambda id: id not in wanted):
        rows = flat(batch.inputs)
        if rows.shape[1] > MOST:
            return replace(gallery, missing=f"an example is a row of {rows.shape[1]:,} numbers")
        names = names or column_names(batch.inputs)
        examples |= {id: row.tobytes() for id, row in zip(batch.ids, rows, strict=True)}
    return replace(gallery, kind="rows", examples=examples, columns=names, missing="")


def flat(inputs: Inputs) -> NDArray[np.float32]:
    """All numbers of each example, (examples, columns)."""
    parts = [each.detach().flatten(1) if each.ndim > 1 else each.detach()[:, None] for each in tensors(inputs)]
    return np.asarray(torch.cat([part.float().cpu() for part in parts], 1).numpy(), dtype=np.float32)


def column_names(inputs: Inputs) -> tuple[str, ...]:
    """A name for each column: that of the input where there are several, and its number where it holds several."""
    if not isinstance(inputs, dict):
        return tuple(f"column {at}" for at in range(flat(inputs).shape[1]))
    return tuple(name for key, value in inputs.items() if isinstance(value, Tensor) for name in _of(str(key), value))


def _of(name: str, value: Tensor) -> list[str]:
    width = value[:1].numel()
    return [name] if width == 1 else [f"{name} {at}" for at in range(width)]


def _by_rank(tops: Iterable[tuple[str, ...]], most: int) -> list[str]:
    """Every unit's first example, then every second, and so on; each once."""
    ranked = (id for rank in zip_longest(*tops) for id in rank if id is not None)
    return list(dict.fromkeys(ranked))[:most]
