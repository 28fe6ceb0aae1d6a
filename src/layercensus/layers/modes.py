"""The state in which a net is read, and all of it put back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(net: nn.Module, gradients: bool = False) -> Iterator[ExitStack]:
    """The net in eval mode, without gradients, compilation and fused transformer kernels, as long as this is open.

    gradients: those of the inputs are kept, those of the net's parameters are not. Yields a stack on which hooks are
    registered for removal. On any exit every module and parameter gets its own mode back.

    >>> net = nn.Dropout()
    >>> with evaluating(net):
    ...     print(net.training, torch.is_grad_enabled())
    False False
    >>> net.training, torch.is_grad_enabled()
    (True, True)
    """
    with ExitStack() as stack:
        modes = {module: module.training for module in net.modules()}
        stack.callback(_restore, modes)
        for module in modes:
            module.training = False
        stack.enter_context(_PLAIN.needed())
        if gradients:
            stack.callback(_thaw, [p for p in net.parameters() if p.requires_grad])
            net.requires_grad_(False)
            stack.enter_context(torch.enable_grad())
        else:  # not inference_mode: what a net caches in it could not be differentiated later
            stack.enter_context(torch.no_grad())
        yield stack


class _Plain:
    """The process's switches of compilation and of fused transformer kernels, which call no modules.

    Both are off while any thread needs them off: the first to come turns them off, and the last to leave puts back how
    they stood, in whatever order threads come and go.
    """

    def __init__(self) -> None:
        self._lock, self._users, self._before = threading.Lock(), 0, ExitStack()

    @contextmanager
    def needed(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._turn_off()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._before.close()

    def _turn_off(self) -> None:
        self._before.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
        torch.backends.mha.set_fastpath_enabled(False)
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and the import costs seconds
            self._before.enter_context(torch.compiler.set_stance("force_eager"))


_PLAIN = _Plain()


def _thaw(parameters: list[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.requires_grad_(True)


def _restore(modes: dict[nn.Module, bool]) -> None:
    for module, training in modes.items():
        module.training = training
