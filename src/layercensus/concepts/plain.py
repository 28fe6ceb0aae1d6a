"""Concepts that need no learning: functions of the example, built in for each kind of data or the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..data.batch import Batch, tensors
from ..data.source import Source
from ..data.user_code import user_code
from ..errors import CensusError, first_line
from .plain_images import colours, shapes
from .plain_words import of_lines, of_pieces
from .sets import ConceptSet


def plain_sets(source: Source) -> list[ConceptSet]:
    """The built-in sets for this kind of data; of arrays of features there are none.

    Raises:
        CensusError: there are none.
    """
    if source.kind == "images":
        channels = int(tensors(source.first(1).inputs)[0].shape[1])
        names = [*shapes(torch.zeros(1, channels, 8, 8)), *colours(torch.zeros(1, channels, 8, 8))]
        return [
            ConceptSet("plain", tuple(names), lambda batch: _of_images(batch, source), graded=True, digest="images 1")
        ]
    if source.kind == "tokens":
        return [of_lines(source), of_pieces(source)]
    raise CensusError(
        f"plain concepts must be of images or text. Got {source.kind}: give functions of an example of yours."
    )


def _of_images(batch: Batch, source: Source) -> Tensor:
    x = tensors(batch.inputs)[0].float()
    prepare = source.prepare
    if prepare is not None and prepare.mean and prepare.std:
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (prepare.mean, prepare.std))
        x = x * std + mean
    return torch.stack([*shapes(x).values(), *colours(x).values()], 1)


def of_function(name: str, function: Callable[[Any], Any], source: Source) -> ConceptSet:
    """The set of a function of an example (its input, without the axis of examples).

    It returns a boolean or a number, or several by name. Of booleans an example has the concept where it is true, of
    numbers where it is in the upper quarter.

    Raises:
        CensusError: it fails on the first example, or returns something else.
    """
    first = _called(name, function, source.first(1), 0)
    names, graded = tuple(first), not all(isinstance(value, bool) for value in first.values())

    def values(batch: Batch) -> Tensor:
        rows = [_called(name, function, batch, row) for row in range(len(batch.ids))]
        other = next((row for row in rows if tuple(row) != names), None)
        if other is not None:
            raise CensusError(
                f"The concept function {name!r} must give the same names for each example. Got {[*other]}."
            )
        return torch.tensor([[float(value) for value in row.values()] for row in rows])

    return ConceptSet(name, names, values, graded=graded, digest=f"function {name}")


def _called(name: str, function: Callable[[Any], Any], batch: Batch, row: int) -> dict[str, Any]:
    inputs = batch.take(torch.tensor([row])).inputs
    example = inputs[0] if isinstance(inputs, Tensor) else _first(inputs)
    try:
        with user_code():
            given = function(example)
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(
            f"The concept function {name!r} failed for example {batch.ids[row]!r}: {first_line(error)}"
        ) from error
    found = {str(k): _number(v) for k, v in given.items()} if isinstance(given, Mapping) else {name: _number(given)}
    if not found or None in found.values():
        raise CensusError(
            f"The concept function {name!r} must return a boolean or number, or a dict of them. Got {given!r}."
        )
    return found


def _first(inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return {name: value[0] for name, value in inputs.items()}
    return tuple(value[0] for value in inputs)


def _number(value: Any) -> bool | float | None:
    """What a function has returned as a boolean or a number; None where it is neither."""
    value = value.item() if getattr(value, "ndim", 1) == 0 and hasattr(value, "item") else value
    if isinstance(value, bool):
        return value
    return float(value) if isinstance(value, (int, float)) else None
