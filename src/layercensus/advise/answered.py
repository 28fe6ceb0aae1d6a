"""What a net answers, whole, as it is or with the rows of some layers changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ..count.nets import Net
from ..data.batch import Batch
from ..intervene.answers import Answers
from ..intervene.passes import passed, passes
from ..intervene.replace import Change
from ..layers.exchange import Given
from ..layers.tap import tap

NONE: Mapping[str, Change] = MappingProxyType({})
MOST = 65_536  # numbers of an answer, beyond which random combinations stand for them


def answered(net: Net, batches: Sequence[Batch], answers: Answers, changes: Mapping[str, Change] = NONE) -> Tensor:
    """(examples, numbers) float64 on the CPU. changes: by the name of a layer, what becomes of its rows."""

    def exchange(given: Given) -> Tensor:
        return given.put(changes[given.layer.name](given.rows()))

    found = []
    with tap(net.net, [net.layer(name) for name in changes], exchange=exchange):
        for batch in passes(net, batches, answers.seed):
            y = answers.of(passed(net, batch), len(batch.ids), batch.mask)
            found.append((y if y.shape[1] <= MOST else answers.compared(y)).double().cpu())
    widest = max(part.shape[1] for part in found)
    return torch.cat([nn.functional.pad(part, (0, widest - part.shape[1])) for part in found])


def answered_by(module: nn.Module, net: Net, batches: Sequence[Batch], answers: Answers) -> Tensor:
    """The same of another module in the net's place."""
    alone = tuple(layer for layer in net.layers if layer.alone is not None)  # it is read example by example then
    return answered(Net("changed", module, alone), batches, answers)
