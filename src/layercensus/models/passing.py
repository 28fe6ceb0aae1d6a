"""Which attributes a net's own forward changes: caches and counters, which are no part of what the net is."""

from __future__ import annotations

import dis
import functools
import inspect
import types
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

CHANGES = frozenset({"append", "appendleft", "extend", "insert", "add", "update", "setdefault", "pop", "clear"})
LOADS = ("LOAD_ATTR", "LOAD_METHOD")
NEAR = 4  # instructions between an attribute and the item of it that is set


def passing_names(modules: Iterable[nn.Module]) -> frozenset[str]:
    """Names of the attributes that the modules' forward, or a method or hook that it calls, changes.

    Read from the byte code: `self.last = y`, `self.calls += 1`, `self.kept.append(y)`, `self.kept[k] = y` and
    `self.mean.mul_(.9)` are seen; what a helper outside the class changes is not.

    >>> class Counts(nn.ReLU):
    ...     def forward(self, x):
    ...         self.calls = 1
    ...         return super().forward(x)
    >>> sorted(passing_names([Counts()]))
    ['calls']
    """
    modules = list(modules)
    names: set[str] = set()
    for kind in {type(module) for module in modules}:
        names |= _of_class(kind)  # type: ignore[arg-type]  # mypy: classes of modules are not hashable
    for module in modules:
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values()):
            if isinstance(hook, types.FunctionType):
                names |= set(_changed(hook.__code__))
    return frozenset(names)


@functools.cache
def _of_class(kind: type[nn.Module]) -> frozenset[str]:
    methods: dict[str, list[types.CodeType]] = {}
    for base in kind.__mro__:
        if base not in (nn.Module, object):
            for name, value in vars(base).items():
                methods.setdefault(name, []).extend(_codes(value))
    names: set[str] = set()
    todo, reached = ["forward", "__call__"], set[str]()
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.add(name)
        for code in methods.get(name, ()):
            names |= set(_changed(code))
            todo += [called for called in _called(code) if called in methods]
    return frozenset(names)


def _codes(value: Any) -> Iterator[types.CodeType]:
    """The byte code of a method, a static one or a property's getter, and of what is defined inside it."""
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    elif isinstance(value, property):
        value = value.fget
    try:
        code = inspect.unwrap(value).__code__
    except AttributeError:
        return
    if isinstance(code, types.CodeType):
        yield from _with_inner(code)


def _with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)


def _called(code: types.CodeType) -> Iterator[str]:
    yield from (str(step.argval) for step in dis.get_instructions(code) if step.opname in LOADS)


def _changed(code: types.CodeType) -> Iterator[str]:
    attribute, at = "", -NEAR  # the last attribute that was loaded, and where
    for number, step in enumerate(dis.get_instructions(code)):
        if step.opname == "STORE_ATTR":
            yield str(step.argval)
        elif step.opname == "STORE_SUBSCR" and number - at <= NEAR:
            yield attribute
        elif step.opname in LOADS:
            name = str(step.argval)
            if attribute and (name in CHANGES or (name.endswith("_") and not name.endswith("__"))):
                yield attribute
            attribute, at = name, number
