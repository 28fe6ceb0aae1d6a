"""Follows through one forward pass what part of the input each position of every layer's map can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from .field import Field, Line
from .functions import function_name, tensor_arguments
from .reach import Reach, followed


class Receptive(TorchFunctionMode):
    """While open, follows how far every tensor reaches back into the input.

    Only functions whose reach is known are followed; behind any other every position is said to see the whole input,
    so that a field may be given too large, but not too small.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self._known: MutableMapping[Tensor, Reach | None] = WeakTensorKeyDictionary()  # None: no part of the input
        self._axes = 0
        for constant in (*net.parameters(), *net.buffers()):
            self._known[constant] = None

    def begin(self, x: Tensor) -> None:
        """This is the input: (examples, channels, ...)."""
        self._axes = x.ndim - 2
        self._known[x] = Reach({axis: Line(axis - 2) for axis in range(2, x.ndim)})

    def field(self, x: Tensor, unit_axis: int) -> Field:
        """The fields of a layer's output, (examples, ...) with its units on `unit_axis`."""
        axes = [axis for axis in range(1, x.ndim) if axis != unit_axis % x.ndim]
        reach = self._known.get(x, Reach({})) or Reach({})
        found: list[tuple[int, Line] | None] = [None] * self._axes
        for place, axis in enumerate(axes):
            line = reach.lines.get(axis)
            if line is not None:
                found[line.of] = (place, line)
        return Field(tuple(x.shape[axis] for axis in axes), tuple(found), reach.beyond)

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        x = args[0] if args else kwargs.get("input")
        shape = x.shape if isinstance(x, Tensor) else None  # before the call, which may change it
        before = {id(t): self._reach(t) for t in tensor_arguments(args, kwargs)}
        out = func(*args, **kwargs)
        outs = [t for t in (out if isinstance(out, (tuple, list)) else (out,)) if isinstance(t, Tensor)]
        name = function_name(func).strip("_")
        if name == "setitem" and args:
            self._known[args[0]] = Reach({})
        if not outs:
            return out
        inputs = [(t, before[id(t)]) for t in tensor_arguments(args, kwargs)]
        if all(reach is None for _, reach in inputs):
            found: list[Reach | None] = [None] * len(outs)
        else:
            found = followed(func, name, args, kwargs, inputs, shape, outs)
        for tensor, reach in zip(outs, found, strict=True):
            self._known[tensor] = reach
        return out

    def _reach(self, x: Tensor) -> Reach | None:
        return self._known[x] if x in self._known else Reach({})


@contextmanager
def following(net: nn.Module, inputs: Tensor) -> Iterator[Receptive]:
    """Follow the forward passes of `net` on this input; open before the layers are tapped."""
    receptive = Receptive(net)
    receptive.begin(inputs)
    with receptive:
        yield receptive
