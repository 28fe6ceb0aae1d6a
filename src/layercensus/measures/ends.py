"""Which examples lie at the two ends of a direction: those with the highest and with the lowest scores."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..tally import Panel
from .by_units import summed

RANKS = 9  # examples of each end


@dataclass(frozen=True)
class Ends:
    """Keys of the examples, the outermost first; fewer than RANKS where the panel holds fewer."""

    sign: Tensor  # (directions,) float64, -1 where the direction is to be turned round
    top: Tensor  # (directions, ranks) int64, highest scores after that
    bottom: Tensor  # (directions, ranks) int64, lowest scores after that

    def arrays(self, name: str) -> dict[str, Tensor]:
        """Both ends as arrays of a census."""
        return {f"{name}_top": self.top, f"{name}_bottom": self.bottom}


def ends(panel: Panel, mean: Tensor, reader: Tensor) -> Ends:
    """The ends of the directions that `reader` (units, directions) reads; an example's score is its positions' mean.

    A direction has no sign: it is turned so that the longer tail of the examples' scores is above 0. mean: (units,).
    """
    reached = ~summed(lambda x: (~x.isfinite()).sum(1), panel.mean).bool()
    key = panel.key[reached]
    scores = summed(
        lambda x, mean, reader: (x[reached].double() - mean.double()) @ reader.double().T,
        panel.mean, mean[None], reader.T,
    )  # fmt: skip
    tail = (scores - scores.mean(0)).pow(3).mean(0) if len(key) else scores.sum(0)
    sign = torch.where(tail < 0, -1.0, 1.0).double()
    rising = (scores * sign).T.argsort(dim=1, stable=True)
    falling = (-scores * sign).T.argsort(dim=1, stable=True)
    return Ends(sign, key[falling[:, :RANKS]], key[rising[:, :RANKS]])
