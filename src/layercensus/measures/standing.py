"""Where each response of a unit stands among its others, and what lies behind it: standardised, one copy of each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .coincidence import carriers
from .correlation import standardised
from .ranks import ranked_at_once, ranked_block

Some = slice | Tensor


@dataclass(frozen=True)
class Standing:
    """The ranks of some units, and the scores of those that are cut off, switched or quantised; see `ranks`."""

    by_rank: Tensor  # (rows, units) float32 standardised ranks
    scores: Tensor  # (rows, cut off) float32 standardised scores of the units that are cut off
    place: Tensor  # (units,) int64, its column in `scores`; -1 where nothing is cut off
    silent: Tensor  # (units,) float32, fraction of the rows at the commonest value
    end: Tensor  # (units,) int8: 1 where the commonest value is the lowest, -1 the highest, 0 neither
    curve: Tensor  # (units, GRID) float32: correlation of the scores by that of the normal responses behind them
    few: Tensor  # (2, units) how many examples carry each unit, in ranks and behind

    @classmethod
    def of(cls, spots: Tensor, units: Tensor) -> Standing:
        """Of the readings (examples, spots, all units) of these units, some at a time."""
        examples, rows = len(spots), len(spots) * spots.shape[1]
        by_rank, scores, each = torch.empty(rows, len(units)), list[Tensor](), list[tuple[Tensor, ...]]()
        for some in ranked_at_once(rows, len(units)):
            r = ranked_block(spots[:, :, units[some]].flatten(0, 1))
            by_rank[:, some] = standardised(r.ranks.contiguous())
            behind = standardised(r.scores.contiguous())
            cut = behind.any(0)
            scores.append(behind[:, cut])
            few = torch.stack([carriers(by_rank[:, some], examples), carriers(behind, examples)], 1)
            each.append((r.silent, r.end, r.curve, cut, few))
        silent, end, curve, cut, few = (torch.cat(column) for column in zip(*each, strict=True))
        place = torch.where(cut, cut.cumsum(0) - 1, -1)
        return cls(by_rank, torch.cat(scores, 1), place, silent, end, curve, few.T)

    def behind(self, some: Some) -> Tensor:
        """(rows, some) the scores of some units; 0 where nothing is cut off."""
        place = self.place[some]
        if self.scores.shape[1] == len(self.place):
            return self.scores[:, some]
        found = torch.zeros(len(self.scores), len(place))
        cut = place >= 0
        found[:, cut] = self.scores[:, place[cut]]
        return found
