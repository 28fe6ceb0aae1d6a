"""Single examples of a Dataset as one batch: torch's own way, but for what stands beside the inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils.data import default_collate

Collate = Callable[[list[Any]], Any]
BESIDE = ("labels", "label", "ids", "groups", "group")  # entries of a dict that no net is given


def collate_examples(items: list[Any]) -> Any:
    """The batch that `default_collate` makes of the inputs; what is beside them as lists, where None may stand.

    >>> collate_examples([(torch.zeros(2), "cat"), (torch.ones(2), None)])
    (tensor([[0., 0.],
            [1., 1.]]), ['cat', None])
    """
    first = items[0]
    if isinstance(first, Mapping) and any(name in first for name in BESIDE):
        return {name: _column([item[name] for item in items], name not in BESIDE) for name in first}
    if type(first) in (tuple, list) and len(first) == 2:
        return _column([item[0] for item in items], True), _column([item[1] for item in items], False)
    return default_collate(items)


def _column(values: list[Any], inputs: bool) -> Any:
    plain = inputs or all(isinstance(value, (int, torch.Tensor)) for value in values)
    return default_collate(values) if plain else values


def own_way(collate: Collate) -> Collate:
    """A loader's collate function; where it is torch's own, `collate_examples`."""
    return collate_examples if collate is default_collate else collate
