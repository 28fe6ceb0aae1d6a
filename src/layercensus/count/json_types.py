"""Whether what was read from a JSON file is of the type that was once written."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin


def fits(value: Any, kind: Any) -> bool:
    """Whether a value of a JSON file is of a type such as `str | None`, `Mapping[str, int]` or `tuple[str, ...]`.

    A list stands for a tuple, an integer also for a float.

    >>> [fits(["a", "b"], tuple[str, ...]), fits([1, 4], tuple[int, int]), fits({"a": None}, Mapping[str, str])]
    [True, True, False]
    """
    outer, parts = get_origin(kind), get_args(kind)
    if outer in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if outer is not None and issubclass(outer, Mapping):
        return isinstance(value, Mapping) and all(fits(part, parts[1]) for part in value.values())
    if outer is tuple:
        return isinstance(value, (tuple, list)) and _items_fit(value, parts)
    if kind in (int, float):
        return type(value) in (int, kind)
    return kind is Any or isinstance(value, NoneType if kind is None else kind)


def _items_fit(items: tuple[Any, ...] | list[Any], kinds: tuple[Any, ...]) -> bool:
    if kinds[-1] is Ellipsis:
        return all(fits(item, kinds[0]) for item in items)
    return len(items) == len(kinds) and all(map(fits, items, kinds))
