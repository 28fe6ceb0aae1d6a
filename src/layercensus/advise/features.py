"""Each layer's mean over positions of every panel example, with what is known of the example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..count.nets import Net
from ..data.keys import key
from ..intervene.examples import Keys
from ..intervene.passes import passed, passes, shown
from ..layers.exchange import Given
from ..layers.tap import tap
from .panel import Panel, read_keys


@dataclass(frozen=True)
class Features:
    """Of some examples, in the order of their keys, so that no order of the data decides which half one is in."""

    rows: Mapping[str, Tensor]  # by layer, (examples, units) float32
    labels: Tensor  # (examples,) int64, negative where there is none
    said: Tensor  # (examples,) int64, the number of the largest answer
    group: Tensor  # (examples,) int64


def features_of(panel: Panel, net: Net, keys: Keys) -> Features:
    """One forward pass over the examples with these keys. Memory: as many numbers for each as the layers have units."""
    rows: dict[str, list[Tensor]] = {layer.name: [] for layer in net.layers}
    labels, said, group, keyed = list[Tensor](), list[Tensor](), list[Tensor](), list[int]()
    mask: Tensor | None = None

    def read(given: Given) -> None:
        own = given.rows().float()
        fits = mask is not None and mask.shape == own.shape[:2]
        weight = mask.to(own) if fits and mask is not None else torch.ones_like(own[..., 0])
        mean = torch.einsum("ep,epu->eu", weight, own) / weight.sum(1, keepdim=True).clamp(min=1e-9)
        rows[given.layer.name].append(mean.cpu())

    with tap(net.net, net.layers, exchange=read):
        for batch in passes(net, read_keys(panel.source, keys), panel.answers.seed):
            mask = shown(batch)
            y = panel.answers.of(passed(net, batch), len(batch.ids), batch.mask)
            said.append(y.argmax(1).cpu())
            labels.append(torch.full((len(batch.ids),), -1) if batch.labels is None else batch.labels)
            own = [key(id) for id in batch.ids]
            group.append(batch.sources(torch.tensor(own)))
            keyed += own
    order = torch.tensor(keyed).argsort()
    whole = {name: torch.cat(parts)[order] for name, parts in rows.items()}
    return Features(whole, *(torch.cat(parts)[order] for parts in (labels, said, group)))
