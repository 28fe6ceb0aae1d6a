"""The learned directions themselves: the pairs that count as learned, as directions of the net's own units."""

from __future__ import annotations

import torch
from torch import Tensor

from ..tally import Needs, Panel
from .ends import ends
from .shared_directions import CUT, Compared


def learned_directions(pair: Compared, needs: Needs, panel: Panel) -> dict[str, Tensor]:
    """Arrays of the directions that a net learned, as another run has them: empty where nothing says which.

    pair: of the net, whose needs and panel these are, and the other run. learned_reader: (units, learned) float32, the
    scores (rows - mean) @ learned_reader having unit variance on the calibration examples, the pair with the highest
    r^2 on the checking examples first. learned_carries: (learned,) float32, how much of what the answers move goes with
    each score to first order, 0 to 1; since learned directions may overlap, the fractions need not add up.
    """
    if pair.beyond is None or pair.weights is None:
        return {}
    r2 = pair.beyond.r2
    order = r2.argsort(descending=True, stable=True)
    weights = pair.weights[:, order[: pair.counts()[1]]]
    assert bool((r2[order[: weights.shape[1]]] >= CUT).all())
    weights = weights / weights.norm(dim=0).clamp(min=1e-300)
    spectrum = needs.spectrum[: len(weights)] / needs.spectrum.sum().clamp(min=1e-300)
    at = ends(panel, needs.mean, needs.reader[:, : len(weights)] @ weights)
    reader = needs.reader[:, : len(weights)] @ weights * at.sign
    carries = torch.einsum("k,kn->n", spectrum, weights.square())
    return {"learned_reader": reader.float(), "learned_carries": carries.float()} | at.arrays("learned")
