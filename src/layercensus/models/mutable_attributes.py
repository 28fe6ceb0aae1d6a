"""Which attributes a net's own forward changes: caches and counters, which are no part of what the net is."""

from __future__ import annotations

import functools
import inspect
import types
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
from torch import Tensor, nn

from .mutations import ITEM, Mutation, mutations

Found = dict[nn.Module, set[str]]


def mutable_attributes(modules: Iterable[nn.Module]) -> dict[nn.Module, set[str]]:
    """For each module the names of its attributes that its or another's forward changes, or a method or hook it calls.

    Read from the byte code: `self.last = y`, `self.calls += 1`, `self.kept.append(y)`, `self.kept[k] = y`,
    `self.mean.mul_(.9)` and `self.child.last = y` are seen; what a helper outside the class changes is not. A name with
    dots, `held.calls`, is that of a part of an attribute.

    >>> class Counts(nn.ReLU):
    ...     def forward(self, x):
    ...         self.calls = 1
    ...         return super().forward(x)
    >>> [sorted(names) for names in mutable_attributes([Counts()]).values()]
    [['calls']]
    """
    found: Found = defaultdict(set)
    for module in modules:
        for mutation in _of_class(type(module)):  # type: ignore[arg-type]  # mypy: classes of modules are not hashable
            _mark(module, mutation.path[1:], mutation.fills, found)
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values()):
            _of_hook(hook, module, found)
    return dict(found)


def is_part(name: str, attributes: Collection[str]) -> bool:
    """Whether a name, such as `kept[0].mean`, is one of the attributes or lies in one."""
    return any(name == whole or name.startswith((f"{whole}.", f"{whole}[")) for whole in attributes)


def _mark(owner: object, path: tuple[str, ...], fills: bool, found: Found) -> None:
    """Write down what the path leads to: through modules to an attribute of the last one."""
    if not path or not isinstance(owner, nn.Module):
        return
    name, *rest = path
    if name == ITEM:
        for child in owner.children():
            _mark(child, tuple(rest), fills, found)
    elif name in owner._modules:
        _mark(owner._modules[name], tuple(rest), fills, found)
    else:
        part, value = _part(name, vars(owner).get(name), rest)
        if not (fills and isinstance(value, (Tensor, np.ndarray))):
            found[owner].add(part)


def _part(name: str, value: object, rest: list[str]) -> tuple[str, object]:
    """The attribute, or the part of it where it is an object with attributes of its own; and what stands there."""
    for step in rest:
        if step == ITEM or isinstance(value, (Tensor, np.ndarray)) or not hasattr(value, "__dict__"):
            return name, None
        name, value = f"{name}.{step}", vars(value).get(step)
    return name, value


@functools.cache
def _of_class(kind: type[nn.Module]) -> tuple[Mutation, ...]:
    methods: dict[str, list[types.CodeType]] = {}
    for base in kind.__mro__:
        if base not in (nn.Module, object):
            for name, value in vars(base).items():
                methods.setdefault(name, []).extend(_codes(value))
    found: dict[Mutation, None] = {}
    todo, reached = ["forward", "__call__"], set[str]()
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.add(name)
        for code in methods.get(name, ()):
            found |= dict.fromkeys(_of_first_argument(code))
            todo += [called for inner in _with_inner(code) for called in inner.co_names if called in methods]
    return tuple(found)


def _codes(value: Any) -> Iterator[types.CodeType]:
    """The byte code of a method or of a property's getter."""
    value = value.fget if isinstance(value, property) else value
    try:
        code = inspect.unwrap(value).__code__
    except AttributeError:  # no function
        return
    if isinstance(code, types.CodeType):
        yield code


def _of_first_argument(code: types.CodeType) -> Iterator[Mutation]:
    """What a function, or one defined inside it, changes in its first argument: in `self`."""
    own = code.co_varnames[: min(1, code.co_argcount)]
    yield from (found for inner in _with_inner(code) for found in mutations(inner) if found.path[:1] == own)


def _with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)


def _of_hook(hook: Any, module: nn.Module, found: Found) -> None:
    """A function changes its module, its first argument, or one that it closes over; a method the object it is of."""
    function = getattr(hook, "__func__", hook)
    if not isinstance(function, types.FunctionType):
        return
    code = function.__code__
    known: dict[str, object] = dict(zip(code.co_freevars, map(cell_contents, function.__closure__ or ()), strict=True))
    given = [module] if function is hook else [hook.__self__, module]
    known |= zip(code.co_varnames[: code.co_argcount], given, strict=False)
    for inner in _with_inner(code):
        for mutation in mutations(inner):
            _mark(known.get(mutation.path[0]), mutation.path[1:], mutation.fills, found)


def cell_contents(cell: types.CellType) -> object:
    """What a closure holds; None where it is not filled yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None
