"""What an autograd.Function gives that computes outside torch: it is followed as a module's output is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    base: Any = torch.autograd.Function.__bases__[0]  # where also a Function.apply that was taken earlier passes

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        out = super(base, cls).apply(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            walker.complete([t for _, t in tensors((args, kwargs))], [t for _, t in tensors(out)])
        return out

    base.apply = classmethod(apply)
    try:
        yield
    finally:
        del base.apply
