"""The evidence of a layer, with what was found of the answers that rest on it, and what untrained nets hold there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count, takewhile

from ..count.nets import TWIN, LayerKey, Net, Nets, shuffled_net, untrained_net
from ..count.side_files import read_needs, read_rows
from ..count.store import Store
from ..measures import Evidence
from ..settings import Settings
from ..tally import Rows


def with_needs(evidence: Evidence, store: Store, nets: Nets, net: Net, layer: str) -> Evidence:
    """The evidence with what the answers rest on there, in its net, its replicas and untrained nets."""
    evidence = replace(evidence, needs=read_needs(store.folder, LayerKey(net.name, layer)))
    if evidence.needs is None:
        return evidence
    if net not in (nets.trained, nets.twin):
        return evidence
    runs = tuple(read_needs(store.folder, LayerKey(run.name, layer)) for run in nets.replicas)
    pair = tuple(read_needs(store.folder, LayerKey(name, layer)) for name in (TWIN, untrained_net(1)))
    untrained = _untrained(store, nets, layer, evidence.settings)
    known = pair if len(untrained) >= len(pair) else ()
    shuffled = _rows(store, shuffled_net, 0, layer) if nets.replicas and net is nets.trained else ()
    return replace(evidence, replica_needs=runs, untrained=untrained, untrained_needs=known, shuffled=shuffled)


def _untrained(store: Store, nets: Nets, layer: str, settings: Settings) -> tuple[Rows, ...]:
    """The rows of every untrained net of which they are kept, the twin's first; none without replicas."""
    if nets.twin is None or not nets.replicas:
        return ()
    found = _rows(store, untrained_net, 1, layer)
    if not found:
        return ()
    twin = store.panel(LayerKey(TWIN, layer), settings.panel, settings.spots)
    return (Rows(twin.key, twin.spots), *found)


def _rows(store: Store, name: Callable[[int], str], first: int, layer: str) -> tuple[Rows, ...]:
    """The rows of the nets of these names, as many as are kept."""
    read = (read_rows(store.folder, LayerKey(name(number), layer)) for number in count(first))
    return tuple(rows for rows in takewhile(lambda rows: rows is not None, read) if rows is not None)
