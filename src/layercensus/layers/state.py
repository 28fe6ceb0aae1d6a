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
_DEPTH = 3  # lists in lists that are copied


class State:
    """A net's buffers and plain attributes as they are now.

    Covers tensors, arrays, numbers, lists, dicts, sets and generators that a module holds; not what lies behind objects
    of other classes, in closures or in files.

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
        self._attributes = [_attributes(module) for _, module in self._modules]
        self._saved = [{name: _copied(value) for name, value in each.items()} for each in self._attributes]

    def changed(self) -> tuple[str, ...]:
        """Dotted names of what is otherwise than it was."""
        names = []
        for (where, module), before, saved in zip(self._modules, self._attributes, self._saved, strict=True):
            now = _attributes(module)
            for name in dict.fromkeys((*before, *now)):
                if name not in now or name not in before or not _equal(now[name], saved[name]):
                    names.append(f"{where}.{name}" if where else name)
        return tuple(names)

    def restore(self) -> None:
        """Put everything back: each attribute is the very object that it was, with the content that it had."""
        for (_, module), before, saved in zip(self._modules, self._attributes, self._saved, strict=True):
            for name in _attributes(module).keys() - before.keys():
                _remove(module, name)
            for name, value in before.items():
                _fill(value, saved[name])
                _put(module, name, value)


@contextmanager
def kept_state(net: nn.Module) -> Iterator[State]:
    """The net's state; afterwards it is as it was."""
    state = State(net)
    try:
        yield state
    finally:
        state.restore()


def _attributes(module: nn.Module) -> dict[str, Any]:
    own = {name: value for name, value in vars(module).items() if name not in _TORCHS_OWN}
    return own | {name: value for name, value in module._buffers.items() if value is not None}


def _put(module: nn.Module, name: str, value: Any) -> None:
    if name in module._buffers:
        module._buffers[name] = value
    elif vars(module).get(name, module) is not value:
        vars(module)[name] = value


def _remove(module: nn.Module, name: str) -> None:
    if name in module._buffers:
        module._buffers[name] = None
    else:
        vars(module).pop(name, None)


def _copied(value: Any, depth: int = 0) -> Any:
    if isinstance(value, Tensor):
        lazy = is_lazy(value) or value.is_meta
        return value if lazy else value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (torch.Generator, random.Random, np.random.Generator)):
        return _position(value)
    if depth == _DEPTH:
        return value
    if type(value) is dict:
        return {name: _copied(part, depth + 1) for name, part in value.items()}
    if type(value) in (list, set, deque):
        return type(value)(_copied(part, depth + 1) for part in value)
    return value


def _position(generator: Any) -> Any:
    """Where a generator of random numbers stands."""
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return generator.getstate() if isinstance(generator, random.Random) else generator.bit_generator.state


def _fill(value: Any, saved: Any) -> None:
    """Give an object the content that was saved of it."""
    if isinstance(value, Tensor) and value is not saved:
        if not _equal(value, saved):
            with torch.no_grad():
                value.detach().copy_(saved)
    elif isinstance(value, np.ndarray):
        value[...] = saved
    elif isinstance(value, torch.Generator):
        value.set_state(saved)
    elif isinstance(value, random.Random):
        value.setstate(saved)
    elif isinstance(value, np.random.Generator):
        value.bit_generator.state = saved
    elif type(value) in (dict, list, set, deque) and not _equal(value, saved):
        value.clear()
        (value.update if isinstance(value, (dict, set)) else value.extend)(saved)


def _same_content(now: Tensor, saved: Tensor) -> bool:
    if torch.equal(now, saved):
        return True
    both = now.is_floating_point() and torch.equal(now.isnan(), saved.isnan())
    return both and torch.equal(now.nan_to_num(), saved.nan_to_num())


def _equal(now: Any, saved: Any) -> bool:
    if isinstance(now, (torch.Generator, random.Random, np.random.Generator)):
        now = _position(now)
    if now is saved:
        return True
    if isinstance(now, Tensor) and isinstance(saved, Tensor):
        same = now.shape == saved.shape and now.dtype == saved.dtype and now.device == saved.device
        return same and _same_content(now.detach(), saved)
    if isinstance(now, np.ndarray) or isinstance(saved, np.ndarray):
        return np.array_equal(now, saved)
    if type(now) is not type(saved):
        return False
    if isinstance(now, dict):
        return now.keys() == saved.keys() and all(_equal(now[name], saved[name]) for name in now)
    if isinstance(now, (list, tuple, deque)):
        return len(now) == len(saved) and all(_equal(a, b) for a, b in zip(now, saved, strict=True))
    try:
        return bool(now == saved)
    except Exception:  # whatever a comparison of user-supplied objects raises
        return False
