"""Nets beyond which is asked what training runs have in common: untrained ones, and the net's own weights shuffled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..count.nets import Net, shuffled_net, untrained_net
from ..count.one_by_one import CLEAN, Chance, Spots
from ..count.plan import Plan
from ..count.read_batch import draws_of, keys_of, read_net
from ..count.side_files import read_needs, read_rows, save_rows
from ..count.store import Store
from ..count.untrained import STEP
from ..data.batch import Batch
from ..data.keys import key
from ..layers.layer import Layer
from ..models.model import Model
from ..models.shuffled import shuffled
from ..models.twin import calibrate
from ..tally import Rows

PAIR = 2  # untrained nets that are compared as training runs are: the null of what was learned
BEYOND = 5  # further ones that are regressed out there: with three, first layers of nets never trained read .3 for 0


def untrained_ones(plan: Plan) -> list[str]:
    """Names of the untrained nets beside the twin that are needed to say what replicas learned."""
    if not (plan.nets.replicas and plan.own_twin and plan.settings.twins > 1):
        return []
    return [untrained_net(number) for number in range(1, max(plan.settings.twins, PAIR + BEYOND))]


def shuffled_ones(model: Model, plan: Plan) -> list[str]:
    """Names of the nets that check untrained ones which were re-initialised here; none where a constructor made them.

    What re-initialises a net is a guess at how it began; the sizes of its own weights are not.
    """
    if model.fresh is not None or not untrained_ones(plan):
        return []
    return [shuffled_net(number) for number in range(BEYOND)]


def in_words(model: Model, plan: Plan) -> str:
    """Which nets are regressed out where learned directions are counted; empty where none are."""
    untrained, checking = len(untrained_ones(plan)), len(shuffled_ones(model, plan))
    if not untrained:
        return ""
    if not checking:
        return f"{untrained + 1} untrained nets, freshly initialised by the net's own factory"
    return (
        f"{untrained + 1} untrained nets, re-initialised by each layer's own initialiser; and, to check them, "
        f"{checking} of the net's own weights, shuffled within each tensor"
    )


def another_shuffled(plan: Plan, batches: Sequence[Batch], number: int) -> Net:
    """The net with its own weights shuffled, its normalisation statistics estimated as a twin's are."""
    net = shuffled(plan.nets.trained.net, plan.seed + STEP * (number + 1))
    calibrate(net, (batch.for_net(net) for batch in batches))
    return Net(shuffled_net(number), net, plan.nets.trained.layers)


def known(store: Store, name: str, layers: Sequence[Layer], *, needs: bool) -> bool:
    """Whether an earlier run has kept everything of this net: its rows, and with `needs` what it needs."""
    keys = [Net(name, torch.nn.Identity(), ()).key(layer) for layer in layers]
    rows = all(read_rows(store.folder, key) is not None for key in keys)
    return rows and (not needs or all(read_needs(store.folder, key) is not None for key in keys))


def keep_rows(net: Net, layers: Sequence[Layer], panel: NDArray[np.int64], plan: Plan, store: Store) -> None:
    """Keep the rows of a net at the positions of the panel's examples."""
    wanted, own = set(panel.tolist()), Net(net.name, net.net, tuple(layers))
    chance = Chance(plan.seed, CLEAN) if plan.nets.alone else None
    keys, spots = list[torch.Tensor](), {layer.name: list[torch.Tensor]() for layer in layers}
    for batch in plan.source.batches(plan.settings.batch, skip=lambda id: key(id) not in wanted):
        at = keys_of(batch)
        chosen = Spots(torch.arange(len(at)), draws_of(at, plan.settings.spots, plan.seed))
        readings = read_net(own, batch, chosen, {}, chance=chance)
        keys.append(torch.from_numpy(at))
        for layer in layers:
            reading = readings[own.key(layer)].on_cpu()
            spots[layer.name].append(reading.mean[:, None] if reading.spots is None else reading.spots)
    for layer in layers:
        save_rows(store.folder, own.key(layer), Rows(torch.cat(keys), torch.cat(spots[layer.name])))
