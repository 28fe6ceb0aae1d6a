"""What the answers rest on in a layer, for the reader's own use: the directions, and how much so many of them hold."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..count.nets import TRAINED, TWIN
from ..errors import CensusError
from .record import ArrayKey, CensusRecord

FIRST = 8  # directions of a layer that the report shows, and as many learned ones
IDS = "ids"  # in `Provenance.needs`: of the examples at the ends of directions, by key
ENDS = ("direction_top", "direction_bottom", "learned_top", "learned_bottom")


@dataclass(frozen=True)
class LayerDirections:
    """The directions of a layer that a net's answers rest on, as far as 99 % of them, in the order of how much.

    Rows of activations have the units on their last axis; at every position of a map or sequence stands one. Their
    scores are `(rows - mean) @ reader`, of unit variance and uncorrelated on the calibration examples; with the first k
    directions kept and the rest at its mean a row is `mean + scores[..., :k] @ writer[:, :k].T`. A direction has no
    sign: it is turned so that the longer tail of the examples' scores is above 0.

    carries is to first order, by gradients, and no intervention. What the first k hold together is one:
    `census.needed(layer)` has their measured fidelity beside what they carry to first order.

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    >>> found = lc.take(net, x, twin=False, settings=lc.Settings(progress=False)).directions("1")
    >>> rows = net[1](net[0](x)).detach().numpy()  # (64, 8)
    >>> scores = (rows - found.mean) @ found.reader
    >>> scores.shape == (64, len(found.carries))
    True
    >>> found.top[0][0] == str(scores[:, 0].argmax())
    True
    """

    layer: str
    net: str
    mean: NDArray[np.float32]  # (units,)
    reader: NDArray[np.float32]  # (units, directions)
    writer: NDArray[np.float32]  # (units, directions)
    carries: NDArray[np.float64]  # (directions,) fraction of what moves the answers, to first order, 0 to 1
    by_gradient: bool  # False: principal directions, and `carries` is a fraction of the layer's variance
    top: tuple[tuple[str, ...], ...]  # of each direction up to 9 ids of the panel, the highest mean score first
    bottom: tuple[tuple[str, ...], ...]  # the same with the lowest score first
    # directions found again in the first replica and in no untrained net; None where learned is missing
    learned_reader: NDArray[np.float32] | None  # (units, learned) the highest r^2 between the runs first
    learned_carries: NDArray[np.float32] | None  # (learned,) as carries; they overlap, and need not add up
    learned_top: tuple[tuple[str, ...], ...] = ()
    learned_bottom: tuple[tuple[str, ...], ...] = ()

    def shown_ends(self, ranks: int) -> list[tuple[str, ...]]:
        """The ids at the top and the bottom of each of the FIRST directions, then of the FIRST learned ones."""
        pairs = [*zip(self.top, self.bottom, strict=True)][:FIRST]
        pairs += [*zip(self.learned_top, self.learned_bottom, strict=True)][:FIRST]
        return [ids[:ranks] for pair in pairs for ids in pair]


def directions_of(census: CensusRecord, layer: str, net: str = TRAINED) -> LayerDirections:
    """See `Census.directions`."""
    tried, reader = (_array(census, layer, net, name) for name in ("needed_tried", "direction_reader"))
    if tried is None or reader is None:
        raise CensusError(_why_not(census, layer, net))
    names = census.provenance.needs.get(IDS, {})
    top, bottom, *learned = (_named(_array(census, layer, net, name), names) for name in ENDS)
    spectrum = np.asarray(_array(census, layer, net, "needed_spectrum"), dtype=np.float64)
    by_gradient = _array(census, layer, net, "direction_by_gradient")
    return LayerDirections(
        layer, net, mean=_array(census, layer, net, "direction_mean"), reader=reader,
        writer=_array(census, layer, net, "direction_writer"),
        carries=(spectrum / max(spectrum.sum(), 1e-300))[: reader.shape[1]],
        by_gradient=by_gradient is None or bool(by_gradient), top=top, bottom=bottom,
        learned_reader=_array(census, layer, net, "learned_reader"),
        learned_carries=_array(census, layer, net, "learned_carries"),
        learned_top=learned[0], learned_bottom=learned[1],
    )  # fmt: skip


def ends_by_layer(census: CensusRecord, ranks: int) -> dict[str, list[tuple[str, ...]]]:
    """The ids of the examples that the report shows at the ends of directions; layers that were asked alone."""
    asked = [str(layer) for layer in census.layers["layer"] if census.array(layer, "direction_top") is not None]
    return {layer: directions_of(census, layer).shown_ends(ranks) for layer in asked}


def needed_of(census: CensusRecord, layer: str, net: str = TRAINED) -> pd.DataFrame:
    """See `Census.needed`."""
    tried = _array(census, layer, net, "needed_tried")
    if tried is None:
        raise CensusError(_why_not(census, layer, net))
    ends = _array(census, layer, net, "needed_interval")
    low, high = (np.full(len(tried), np.nan),) * 2 if ends is None else ends
    fidelity = _array(census, layer, net, "needed_fidelity")
    by_first_order = _first_order(np.asarray(_array(census, layer, net, "needed_spectrum"), dtype=np.float64), tried)
    columns = {"directions": tried, "fidelity": fidelity, "low": low, "high": high, "first_order": by_first_order}
    return pd.DataFrame(columns)


def _first_order(spectrum: NDArray[np.float64], tried: NDArray[np.int64]) -> NDArray[np.float64]:
    """(tried,) what the first so many directions carry to first order, all together 1."""
    together = np.concatenate([[0.0], spectrum.cumsum()])
    carried: NDArray[np.float64] = together[tried] / max(together[-1], 1e-300)
    return carried


def with_ids(
    needs: Mapping[str, Any], arrays: Mapping[ArrayKey, NDArray[Any]], names: Mapping[int, str]
) -> Mapping[str, Any]:
    """The provenance of what is needed, with the ids of the examples at the ends of directions. names: ids by key."""
    used = [values.ravel() for key, values in arrays.items() if key.name in ENDS]
    keys = np.unique(np.concatenate(used)).tolist() if used else []
    return {**needs, IDS: {str(key): names[key] for key in keys if key in names}} if keys else needs


def _named(keys: NDArray[Any] | None, names: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    if keys is None:
        return ()
    return tuple(tuple(names[str(key)] for key in row if str(key) in names) for row in keys.tolist())


def _array(census: CensusRecord, layer: str, net: str, name: str) -> Any:
    return census.array(layer, name, net)


def _why_not(census: CensusRecord, layer: str, net: str) -> str:
    """Why there is nothing of this layer of this net, and what would give it."""
    layers = census.layers["layer"].tolist()
    if layer not in layers:
        near = difflib.get_close_matches(str(layer), layers, n=3, cutoff=0.4)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        return f"layer must be one of census.layers['layer']. Got {layer!r}.{hint}"
    nets = list(census.provenance.weights)
    if net not in nets:
        return f"net must be {' or '.join(map(repr, nets))}. Got {net!r}."
    failed = [why for why in census.provenance.needs.get("failed", ()) if why.startswith(f"{net}: ")]
    if failed:
        return f"What the net needs of layer {layer!r} is not known. {failed[0].partition(': ')[2]}"
    if net == TWIN and census.array(layer, "needed_tried", net) is not None:
        return "net must be 'trained' or a replica: directions of an untrained twin are not kept. Got 'twin'."
    return f'Layer {layer!r} must have been asked what the net needs of it. It was not: count with needed="all".'
