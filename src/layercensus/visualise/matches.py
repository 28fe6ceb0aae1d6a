"""Which unit of another training run is most like an objective's own, and what that unit says of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..layers.layer import Layer
from .objective import Objective
from .responses import own_activations, respond
from .subject import Subject


@dataclass(frozen=True)
class Match:
    """The unit of another training run that responds to the examples most like the objective's own unit."""

    net: nn.Module
    layers: Sequence[Layer]
    objective: Objective
    correlation: float
    responses: NDArray[np.float32]  # (examples,) what the unit says of them

    def percentile(self, x: Tensor) -> float:
        """Percent of the examples below an image, given as the net takes it; 0..100."""
        return 100 * float((self.responses < own_activations(self.net, self.layers, [self.objective], x)[0]).mean())


def match_of(subject: Subject, objective: Objective) -> Match | None:
    """The match of an objective's unit; of several replicas the one that is least like it.

    None where the objective is not about one unit, there are no examples, or no unit correlates.
    """
    if objective.only_term is None or not subject.batches:
        return None
    term, weight = objective.only_term
    assert term.unit is not None
    means = subject.means(term.layer, 0)[:, term.unit]
    worst: Match | None = None
    for run, (net, layers) in enumerate(subject.replicas, 1):
        r = _correlations(means, subject.means(term.layer, run))
        unit = int(r.argmax())
        if r[unit] <= 0:
            return None
        if worst is None or r[unit] < worst.correlation:
            theirs = replace(objective, terms=(term.of(unit),), weights=(weight,))
            responses = respond(net, layers, [theirs], subject.batches).value[0]
            worst = Match(net, layers, theirs, float(r[unit]), responses)
    return worst


def _correlations(unit: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """(units,) correlation of one unit with each of others over examples; 0 where either never varies."""
    a = unit.astype(np.float64) - unit.mean(dtype=np.float64)
    b = others.astype(np.float64) - others.mean(0, dtype=np.float64)
    scale = np.sqrt((a @ a) * (b * b).sum(0))
    r: NDArray[np.float64] = np.divide(a @ b, scale, out=np.zeros(len(scale)), where=scale > 1e-12)
    return r
