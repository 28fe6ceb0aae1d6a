"""The net as it was before the first step, for a reading that comes once it is affordable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

MOST = 256_000_000  # bytes of weights, beyond which no copy is kept and the start is read at once


class Start:
    """A copy of a net's weights and buffers, which can stand in for them for a while.

    Memory: as much as the net has. The net's own tensors are not written to, so that a reading between a forward and a
    backward pass disturbs neither.

    >>> import torch
    >>> net = nn.Linear(1, 1, bias=False)
    >>> start, x = Start(net), torch.ones(1, 1)
    >>> before = net(x)
    >>> _ = net.weight.data.add_(1)
    >>> with start.standing_in():
    ...     same = torch.equal(net(x), before)
    >>> same, torch.equal(net(x), before + 1)
    (True, True)
    """

    def __init__(self, net: nn.Module) -> None:
        copies: dict[int, Tensor] = {}  # by the identity of a tensor: a shared one has one copy
        self._places = [
            (module, name, own, copies.setdefault(id(own), _copy(own)))
            for module in net.modules()
            for name, own in (*module._parameters.items(), *module._buffers.items())
            if own is not None
        ]

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """The net has these weights; afterwards it has its own again."""
        now = [(module, name, getattr(module, name)) for module, name, _, _ in self._places]
        try:
            for module, name, _, copy in self._places:
                setattr(module, name, copy)
            yield
        finally:
            for module, name, own in now:
                setattr(module, name, own)


def bytes_of(net: nn.Module) -> int:
    """Of its weights and buffers."""
    return sum(x.numel() * x.element_size() for x in (*net.parameters(), *net.buffers()))


def _copy(own: Tensor) -> Tensor:
    copy = own.detach().clone()
    return nn.Parameter(copy, own.requires_grad) if isinstance(own, nn.Parameter) else copy
