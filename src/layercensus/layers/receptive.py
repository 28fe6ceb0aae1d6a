"""What part of the input each position of every layer's map sees, followed through a forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from .dataflow import CONSTANT, Facts, Walker
from .field import Field, Line
from .reach import WHOLE, Reach, reaches


class Receptive:
    """How far every tensor of the forward passes that are followed reaches back into the input."""

    def __init__(self, facts: Facts[Reach], axes: int) -> None:
        self._facts, self._axes = facts, axes

    def field(self, x: Tensor, unit_axis: int) -> Field:
        """The fields of a layer's output, (examples, ...) with its units on `unit_axis`."""
        axes = [axis for axis in range(1, x.ndim) if axis != unit_axis % x.ndim]
        reach = self._facts.get(x) or WHOLE
        lines: list[tuple[int, Line] | None] = [None] * self._axes
        for index, axis in enumerate(axes):
            line = reach.lines.get(axis)
            if line is not None:
                lines[line.of] = (index, line)
        return Field(tuple(x.shape[axis] for axis in axes), tuple(lines), reach.beyond)


@contextmanager
def following(net: nn.Module, inputs: Tensor) -> Iterator[Receptive]:
    """Receptive fields in the forward passes of `net` on `inputs`; open before the layers are tapped.

    inputs: (examples, channels, ...), floating-point. Only functions whose reach is known are followed; behind any
    other every position is said to see the whole input, so that a field may be given too large, but not too small.

    >>> import torch
    >>> net = nn.Conv2d(3, 4, kernel_size=5, stride=2)
    >>> with following(net, x := torch.rand(1, 3, 32, 32)) as receptive:
    ...     y = net(x)
    >>> receptive.field(y, unit_axis=1).window(0, (32, 32))
    ((0, 5), (0, 5))
    """
    facts = Facts(reaches)
    walker = Walker(facts)
    for constant in (*net.parameters(), *net.buffers()):
        walker.begin(constant, CONSTANT)
    walker.begin(inputs)
    with walker:
        yield Receptive(facts, inputs.ndim - 2)
