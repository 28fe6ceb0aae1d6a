"""What a linear head would need of a layer, made from its rows without a net."""

from __future__ import annotations

import torch
from torch import Tensor

from ..intervene.directions import Directions, directions
from ..intervene.moments import Moments
from ..tally import Needs


def planted_needs(rows: Tensor, head: Tensor) -> Needs:
    """The needs of a net that answers with the mean over positions of rows @ head.

    rows: (examples, positions, units), the first half of which calibrates. head: (units, answers).
    """
    half = len(rows) // 2
    weight = torch.full(rows.shape[:2], 1 / rows.shape[1])
    found, moments = rows[half:].double(), Moments()
    moments.add(rows[:half], weight[:half])
    moments.add_gradient(head.T.double()[:, None])
    whole = directions(moments)
    tried = torch.arange(whole.rank + 1)
    answers = (found @ head.double()).mean(1)
    change = (
        torch.stack([(_kept(found, whole, int(k)) @ head.double()).mean(1) - answers for k in tried]).square().sum(2)
    )
    return Needs(
        whole.mean, whole.reader, whole.writer, whole.spectrum, tried, change,
        (answers - answers.mean(0)).square().sum(1), torch.arange(half, len(rows)),
        torch.full((len(tried),), torch.nan, dtype=torch.float64), torch.tensor(half),
        torch.tensor(half * rows.shape[1]), torch.tensor(True),
    )  # fmt: skip


def _kept(rows: Tensor, whole: Directions, kept: int) -> Tensor:
    return whole.mean + (rows - whole.mean) @ whole.reader[:, :kept] @ whole.writer[:, :kept].T
