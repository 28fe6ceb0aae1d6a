"""The state in which a net is watched, and all of it put back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


@contextmanager
def watched(net: nn.Module, gradients: bool = False) -> Iterator[ExitStack]:
    """The net in eval mode, without gradients, compilation and fused transformer kernels, as long as this is open.

    gradients: those of the inputs are kept, those of the net's parameters are not. Yields a stack on which hooks are
    registered for removal. On any exit every module and parameter gets its own mode back.
    """
    with ExitStack() as stack:
        flags = {module: module.training for module in net.modules()}
        stack.callback(_restore, flags)
        for module in flags:
            module.training = False
        stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
        torch.backends.mha.set_fastpath_enabled(False)  # the fused kernels call no modules
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and the import costs seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        if gradients:
            stack.callback(_thaw, [p for p in net.parameters() if p.requires_grad])
            net.requires_grad_(False)
            stack.enter_context(torch.enable_grad())
        else:  # not inference_mode: what a net caches in it could not be differentiated later
            stack.enter_context(torch.no_grad())
        yield stack


def _thaw(parameters: list[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.requires_grad_(True)


def _restore(flags: dict[nn.Module, bool]) -> None:
    for module, training in flags.items():
        module.training = training
