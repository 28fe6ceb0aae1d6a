"""What a net keeps from one forward pass to the next, beside its weights; and the same put back."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .net import clean_name

_TORCHS_OWN = frozenset(vars(nn.Module()))  # what every module has: hooks, parameters, whether it trains
_DEPTH = 4  # containers in containers that are looked into
_GENERATORS = (torch.Generator, random.Random, np.random.Generator)


class State:
    """A net's buffers and plain attributes as they are now.

    Covers tensors, arrays, numbers, lists, tuples, dicts, sets, deques and generators that a module holds; not what
    lies behind objects of other classes, in closures or in files. Memory: a copy of all of it.

    >>> class Counter(nn.Module):
    ...     calls = 0
    ...     def forward(self, x):
    ...         self.calls += 1
    ...         return x * self.calls
    >>> net = Counter()
    >>> state = State(net)
    >>> [net(2), net(2)], state.changed(), state.restore(), net(2)
    ([2, 4], ('calls',), None, 2)
    """

    def __init__(self, net: nn.Module) -> None:
        self._modules = [(clean_name(name), module) for name, module in net.named_modules()]
        self._attributes = [_remembered(_attributes(module)) for _, module in self._modules]
        self._buffers = [_remembered(_buffers(module)) for _, module in self._modules]

    def changed(self) -> tuple[str, ...]:
        """Dotted names of what is otherwise than it was."""
        names = []
        for (where, module), attributes, buffers in zip(self._modules, self._attributes, self._buffers, strict=True):
            before, now = attributes | buffers, _attributes(module) | _buffers(module)
            for name in dict.fromkeys((*before, *now)):
                if name not in now or name not in before or not before[name].equals(now[name]):
                    names.append(f"{where}.{name}" if where else name)
        return tuple(names)

    def restore(self) -> None:
        """Put everything back: each attribute is the very object that it was, with the content that it had."""
        for (_, module), attributes, buffers in zip(self._modules, self._attributes, self._buffers, strict=True):
            for name in _attributes(module).keys() - attributes.keys():
                del vars(module)[name]
            for name in module._buffers.keys() - buffers.keys():
                module._buffers[name] = None
            vars(module).update({name: kept.restore() for name, kept in attributes.items()})
            module._buffers.update({name: kept.restore() for name, kept in buffers.items()})


@contextmanager
def kept_state(net: nn.Module) -> Iterator[State]:
    """The net's state; afterwards it is as it was."""
    state = State(net)
    try:
        yield state
    finally:
        state.restore()


def _attributes(module: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if name not in _TORCHS_OWN}


def _buffers(module: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in module._buffers.items() if value is not None}


def _remembered(values: dict[str, Any]) -> dict[str, _Remembered]:
    return {name: _Remembered(value, 0) for name, value in values.items()}


class _Remembered:
    """An object, and the content that it has now: of a container, its parts with theirs."""

    def __init__(self, value: Any, depth: int) -> None:
        self._value, self._content = value, _content(value, depth)

    def restore(self) -> Any:
        """The object with that content."""
        value, content = self._value, self._content
        if content is None or self.equals(value):
            return value
        if isinstance(value, Tensor):
            _rewrite(value, content)
        elif isinstance(value, np.ndarray):
            value.resize(content.shape, refcheck=False)
            value[...] = content
        elif isinstance(value, _GENERATORS):
            _set_position(value, content)
        elif isinstance(value, dict):
            whole = {name: part.restore() for name, part in content.items()}
            value.clear()
            value.update(whole)
        elif isinstance(value, tuple):
            for part in content:
                part.restore()
        else:
            parts = [part.restore() for part in content]
            value.clear()
            (value.update if isinstance(value, set) else value.extend)(parts)
        return value

    def equals(self, now: Any) -> bool:
        """Whether an object has the content that this one had."""
        value, content = self._value, self._content
        if content is None:
            return now is value or _same_plain(now, value)
        if type(now) is not type(value):
            return False
        if isinstance(now, _GENERATORS):
            return _same_plain(_position(now), content)
        if isinstance(now, (Tensor, np.ndarray)):
            return _same_numbers(now, content)
        if isinstance(now, dict):
            return now.keys() == content.keys() and all(part.equals(now[name]) for name, part in content.items())
        if isinstance(now, set):
            return now == {part._value for part in content}
        return len(now) == len(content) and all(part.equals(a) for a, part in zip(now, content, strict=True))


def _content(value: Any, depth: int) -> Any:
    """What can change in an object, copied; None where nothing can, or where it is not looked into."""
    if isinstance(value, Tensor):
        return None if is_lazy(value) or value.is_meta else value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, _GENERATORS):
        return _position(value)
    if depth == _DEPTH:
        return None
    if isinstance(value, dict):
        return {name: _Remembered(part, depth + 1) for name, part in value.items()}
    return [_Remembered(part, depth + 1) for part in value] if isinstance(value, (list, tuple, set, deque)) else None


def _rewrite(value: Tensor, content: Tensor) -> None:
    with torch.no_grad():
        if value.shape == content.shape and value.dtype == content.dtype:
            value.detach().copy_(content)
        else:
            value.data = content.clone()


def _position(generator: Any) -> Any:
    """Where a generator of random numbers stands."""
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return generator.getstate() if isinstance(generator, random.Random) else generator.bit_generator.state


def _set_position(generator: Any, position: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(position)
    elif isinstance(generator, random.Random):
        generator.setstate(position)
    else:
        generator.bit_generator.state = position


def _same_numbers(now: Any, then: Any) -> bool:
    if now.shape != then.shape or now.dtype != then.dtype:
        return False
    if isinstance(now, np.ndarray):
        return np.array_equal(now, then, equal_nan=bool(np.issubdtype(now.dtype, np.inexact)))
    now = now.detach()
    if torch.equal(now, then):
        return True
    both = now.is_floating_point() and torch.equal(now.isnan(), then.isnan())
    return both and torch.equal(now.nan_to_num(), then.nan_to_num())


def _same_plain(now: Any, then: Any) -> bool:
    if isinstance(now, Tensor) and isinstance(then, Tensor):
        return torch.equal(now, then)
    if type(now) is not type(then):
        return False
    try:
        return bool(now == then)
    except Exception:  # whatever a comparison of user-supplied objects raises
        return False
