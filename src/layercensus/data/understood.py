"""Which of several forms that look alike a Python object has: labels beside inputs, examples or batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from ..errors import CensusError
from .frame import is_table

TWO = "((x, z), None) or {'x': x, 'z': z} for a net with two inputs"
NAMED = "{'inputs': x, 'labels': y, 'ids': ids}"
GRAPH = (
    "Nodes of several graphs on one axis are no examples: give dense graphs as ((nodes, adjacency), labels), of shapes "
    "(graphs, nodes, features) and (graphs, nodes, nodes)"
)


def pair_of(data: Any) -> tuple[Any, Any] | None:
    """(inputs, labels) of a whole data set, labels None where there are none; None for data of another form.

    Raises:
        CensusError: two arrays of inputs, or three things of which only a dict could say what they are.
    """
    if not isinstance(data, tuple) or hasattr(data, "inputs"):
        return None
    if len(data) == 3 and is_array(data[0]) and any(is_array(one) and one.ndim < 2 for one in data[1:]):
        raise CensusError(f"A tuple must be (inputs, labels). Got three arrays: pass {NAMED}, or {TWO}.{_graph(*data)}")
    if len(data) != 2:
        return None
    inputs, second = (_of_pandas(one) for one in data)
    if second is None:
        return inputs, None
    if isinstance(inputs, pd.DataFrame) and (_column(second) or isinstance(second, list)):
        return inputs, second
    if is_array(inputs) and is_array(second):
        return _two_arrays(inputs, second)
    several = isinstance(inputs, Mapping) or (isinstance(inputs, (tuple, list)) and all(map(is_array, inputs)))
    one_each = _column(second) or (isinstance(second, list) and not any(is_array(one) and one.ndim for one in second))
    return (inputs, second) if (several or is_array(inputs)) and one_each and len(second) else None


def _two_arrays(inputs: Any, second: Any) -> tuple[Any, Any]:
    if _column(second) and inputs.ndim > 1:
        return inputs, second
    raise CensusError(
        f"A pair must be (inputs, labels), with one label per example. Got arrays of shapes {tuple(inputs.shape)} and "
        f"{tuple(second.shape)}: pass {TWO}, x alone where the second is no input, or [x, z] where both are batches."
        f"{_graph(inputs, second)}{_one_hot(second)}"
    )


def _one_hot(second: Any) -> str:
    """What to do about labels with a single 1 in each row."""
    ones = second.ndim == 2 and bool(((second == 0) | (second == 1)).all()) and bool((second.sum(1) == 1).all())
    return " Labels with a single 1 in each row: (x, y.argmax(1))." if ones else ""


def _of_pandas(one: Any) -> Any:
    """A table of numbers, or a column, as an array; anything else as it is."""
    if isinstance(one, pd.DataFrame) and (one.shape[1] == 1 or not is_table(one)):
        return one.to_numpy()
    is_column = isinstance(one, (pd.Series, pd.Index, pd.Categorical, pd.api.extensions.ExtensionArray))
    return np.asarray(one, dtype=None if pd.api.types.is_numeric_dtype(one) else object) if is_column else one


def examples_of(data: Any) -> list[Any] | None:
    """The single examples that a list holds; None where it holds batches.

    One tensor of inputs with one axis is an example, since a batch has an axis of examples before it; so is a pair
    with one label, and a dict with one label or id. Any other list is one of batches.

    Raises:
        CensusError: it could be either.
    """
    if not isinstance(data, list) or len(data) < 2:
        return None
    if len(data) == 2 and is_array(data[0]) and is_array(data[1]) and data[0].ndim > 1 == data[1].ndim:
        raise CensusError(
            f"A list must hold examples or batches. Got arrays of shapes {tuple(data[0].shape)} and "
            f"{tuple(data[1].shape)}: pass (x, y) for inputs and their labels."
        )
    kinds = {_is_example(one) for one in data}
    if kinds == {True}:
        return data
    first = data[0]
    if all(is_array(one) and one.ndim == 3 for one in data) and len({tuple(one.shape) for one in data}) == 1:
        raise CensusError(
            f"A list must hold examples or batches. Got {len(data)} arrays of shape {tuple(first.shape)}, which could "
            "be either: pass torch.stack(data) where each is an example, torch.cat(data) where each is a batch."
        )
    return None


def _is_example(one: Any) -> bool:
    if isinstance(one, Mapping):
        if any(_scalar(one[name]) for name in ("labels", "label", "ids") if name in one):
            return True
        return _is_example(one["inputs"]) if "inputs" in one else bool(one) and all(map(_one_axis, one.values()))
    if type(one) in (tuple, list) and len(one) == 2 and not _scalar(one[0]):
        return _scalar(one[1]) or _one_axis(one[0])
    return _one_axis(one)


def as_parts(raw: Any) -> Any:
    """A batch whose parts have names of their own, as a dict; anything else as it is.

    Raises:
        CensusError: a graph, or a dataclass without inputs.
    """
    if hasattr(raw, "edge_index"):
        raise CensusError(f"{GRAPH}. Got {type(raw).__name__}.")
    if isinstance(raw, tuple) and hasattr(raw, "_asdict") and "inputs" in raw._asdict():
        return raw._asdict()
    if is_dataclass(raw) and not isinstance(raw, (type, Mapping)):
        names = [field.name for field in fields(raw)]
        if "inputs" not in names:
            raise CensusError(
                f"A batch must be a dict, or have the parts inputs and labels. Got {type(raw).__name__} with "
                f"{', '.join(names)}: pass {NAMED}."
            )
        return {name: getattr(raw, name) for name in names}
    return raw


def _graph(*arrays: Any) -> str:
    """What to do about edges, where the second array looks like (2, edges)."""
    edges = arrays[1]
    is_graph = is_array(edges) and edges.ndim == 2 and len(edges) == 2 and "int" in str(edges.dtype)
    return f" {GRAPH}." if is_graph else ""


def is_array(value: Any) -> bool:
    """Whether it is a tensor or an array."""
    return isinstance(value, (Tensor, np.ndarray))


def _column(value: Any) -> bool:
    return is_array(value) and (value.ndim == 1 or (value.ndim == 2 and value.shape[1] == 1))


def _one_axis(value: Any) -> bool:
    return is_array(value) and value.ndim == 1


def _scalar(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return False
    return (
        value is None
        or not hasattr(value, "__len__")
        or isinstance(value, (str, bytes))
        or getattr(value, "ndim", 1) == 0
    )
