"""What an autograd.Function gives that computes outside torch: it is followed as a module's output is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock, local
from typing import Any

import torch

from .dataflow import Walker
from .outputs import tensors


@contextmanager
def completing(walker: Walker) -> Iterator[None]:
    """While open, outputs of autograd.Functions that no torch function was seen to give come from their inputs.

    >>> from layercensus.layers.dataflow import Facts
    >>> class Doubles(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return torch.from_numpy(2 * x.numpy())
    >>> facts = Facts(lambda call, known: [call.name] * len(call.outs))
    >>> with (walker := Walker(facts)), completing(walker):
    ...     y = Doubles.apply(torch.ones(2))
    >>> facts.get(y)
    'module'
    """
    with _Patched(walker):
        yield


class _Patched:
    """Function.apply with a tail, as long as a walker in some thread is open; each thread has walkers of its own."""

    lock, opened, own = RLock(), 0, local()

    def __init__(self, walker: Walker) -> None:
        self._walker = walker

    def __enter__(self) -> None:
        with _Patched.lock:
            _Patched.opened += 1
            if _Patched.opened == 1:
                _BASE.apply = classmethod(_apply)
        _Patched.own.walkers = [*_walkers(), self._walker]

    def __exit__(self, *error: object) -> None:
        _Patched.own.walkers = _walkers()[:-1]
        with _Patched.lock:
            _Patched.opened -= 1
            if _Patched.opened == 0:
                del _BASE.apply


_BASE: Any = torch.autograd.Function.__bases__[0]  # where also a Function.apply that was taken earlier passes


def _walkers() -> list[Walker]:
    return getattr(_Patched.own, "walkers", [])


def _apply(cls: type, *args: Any, **kwargs: Any) -> Any:
    out = super(_BASE, cls).apply(*args, **kwargs)
    for walker in _walkers():
        with torch._C.DisableTorchFunction():
            walker.complete([t for _, t in tensors((args, kwargs))], [t for _, t in tensors(out)])
    return out
