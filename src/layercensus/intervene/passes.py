"""Forward passes over chosen examples, in batches, or one by one where a net does not tell examples apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..count.memory import tidy
from ..count.nets import Net
from ..count.one_by_one import CLEAN, naming
from ..data.batch import Batch
from ..data.keys import seed_of
from ..layers.chance import draw_from, kept_chance
from ..layers.net import call
from ..layers.state import kept_state

SHOWN = "attention_mask"  # which positions a net with padded inputs looks at


def passes(net: Net, batches: Sequence[Batch], seed: int) -> Iterator[Batch]:
    """The batches, or with a net that is read alone each example, its random numbers drawn from its id.

    What the net keeps between passes is put back after each.
    """
    if not any(layer.alone is not None for layer in net.layers):
        for batch in batches:
            yield batch
            tidy()
        return
    with kept_chance(), kept_state(net.net) as state:
        for batch in batches:
            for row, id in enumerate(batch.ids):
                draw_from(seed_of(seed, id, CLEAN))
                yield batch.take(torch.tensor([row]))
                state.restore()


def passed(net: Net, batch: Batch, inputs: Any = None) -> Any:
    """The net's output for a batch. inputs: in place of the batch's own."""
    with naming(batch):
        return call(net.net, batch.for_net(net.net) if inputs is None else inputs)


def shown(batch: Batch) -> Tensor | None:
    """(examples, positions) bool: those that the net looks at, also where they are not counted; None: all of them."""
    given = batch.inputs.get(SHOWN) if isinstance(batch.inputs, dict) else None
    return given.bool() if isinstance(given, Tensor) and given.ndim == 2 else batch.mask


@contextmanager
def plain_kernels(net: Net) -> Iterator[None]:
    """Kernels that can be differentiated in eval mode: cuDNN's recurrent ones cannot."""
    recurrent = any(isinstance(module, nn.RNNBase) for module in net.net.modules())
    with torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled and not recurrent):
        yield


@contextmanager
def plain_tensors(module: nn.Module) -> Iterator[None]:
    """Copies that gradients can pass in the place of parameters and buffers that were made in inference mode."""
    with ExitStack() as stack:
        for part in module.modules():
            for name, x in [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]:
                if x.is_inference():
                    stack.callback(setattr, part, name, x)
                    copy = x.clone()
                    setattr(part, name, nn.Parameter(copy, False) if isinstance(x, nn.Parameter) else copy)
        yield
