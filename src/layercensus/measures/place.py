"""Where the heavy arithmetic of measures is done: on the CPU, or for a while on the GPU that the net runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")
CPU = torch.device("cpu")
FASTER = ("cuda",)  # kinds of device with float64
_place: ContextVar[torch.device] = ContextVar("place", default=CPU)


@contextmanager
def heavy_on(device: torch.device) -> Iterator[None]:
    """As long as the block lasts, functions marked with `heavy` compute on this device, where it is a FASTER one.

    >>> import torch
    >>> total = heavy(lambda x: x.sum())
    >>> with heavy_on(torch.device("cpu")):
    ...     total(torch.ones(3))
    tensor(3.)
    """
    token = _place.set(device if device.type in FASTER else CPU)
    try:
        yield
    finally:
        _place.reset(token)


def heavy(compute: Callable[P, R]) -> Callable[P, R]:
    """A pure function of tensors that may be computed elsewhere: arguments go there, what it returns is brought back.

    Tensors in tuples, lists and frozen dataclasses go along; what the function makes without naming a device is made
    there too. It must not draw random numbers or hand tensors to numpy. Where the device's memory does not suffice it
    is computed on the CPU.
    """

    @wraps(compute)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        device = _place.get()
        if device == CPU:
            return compute(*args, **kwargs)
        try:
            with torch.device(device):
                trip = _Trip(device)
                found: R = trip.back(compute(*trip.there(args), **trip.there(kwargs)))
                return found
        except torch.OutOfMemoryError:
            pass
        with heavy_on(CPU):
            return compute(*args, **kwargs)

    return called


class _Trip:
    """Tensors on their way to a device and back; those that are returned unchanged are the very ones that went."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._went: dict[int, tuple[Tensor, Tensor]] = {}  # by the number of the one there, which is held

    def there(self, value: Any) -> Any:
        return _each(value, self._go)

    def back(self, value: Any) -> Any:
        return _each(value, self._come)

    def _go(self, x: Tensor) -> Tensor:
        there = x.to(self._device)
        self._went[id(there)] = x, there
        return there

    def _come(self, x: Tensor) -> Tensor:
        return self._went[id(x)][0] if id(x) in self._went else x.to(CPU)


def _each(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The value with every tensor in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_each(part, change) for part in value)
    if isinstance(value, dict):
        return {name: _each(part, change) for name, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _each(getattr(value, each.name), change) for each in fields(value)})
    return value
