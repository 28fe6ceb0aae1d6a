"""Is a unit a mixture of the others, though no single other unit repeats it?"""

from __future__ import annotations

import torch
from torch import Tensor

from .correlation import standardised
from .measure import Column, Evidence, Measure, Outcome
from .reliability import FEWEST

CUT = 0.95
RIDGE = 1e-3  # keeps exact copies, and fewer rows than units, from making the correlation matrix singular


def compute(evidence: Evidence) -> Outcome:
    """R^2 of each live unit from all other live ones: weights from one half of the panel, checked on the other."""
    fit, check = evidence.panel.half(0), evidence.panel.half(1)
    if min(len(fit), len(check)) < FEWEST:
        return Outcome()
    live = evidence.units["live"].nonzero().flatten()
    r2 = torch.full((evidence.width,), torch.nan)
    if len(live) > 1:
        r2[live] = held_out_r2(fit.spots[:, :, live].flatten(0, 1), check.spots[:, :, live].flatten(0, 1))
    passed = evidence.units.get("reliable", evidence.units["live"])
    return Outcome(layer={"redundant": int((passed & (r2 >= CUT)).sum())}, units={"r2_rest": r2})


def held_out_r2(fit: Tensor, check: Tensor) -> Tensor:
    """R^2 on `check` of each column predicted from the others with the weights of `fit`; (units,) float32, at most 1.

    In sample this is 1 - 1/(R^-1)_ii with R the correlation matrix; in sample it also goes to 1 when the units are as
    many as the rows, hence the second half. 0 is what the mean predicts; nan for a column that does not vary.
    """
    z, w = standardised(fit), standardised(check)
    moves = (z.abs().amax(0) > 0) & (w.abs().amax(0) > 0)
    z, w = z[:, moves].double(), w[:, moves].double()  # float32 sums, inverted, would move with the batch size
    precision = _inverse(z.T @ z)
    filter_ = precision / precision.diagonal()  # column i: the residual of unit i as a mixture of all
    left = (w @ filter_).square().sum(0)
    r2 = torch.full((fit.shape[1],), torch.nan)
    r2[moves] = (1 - left).clamp(-1, 1).float()
    return r2


def _inverse(r: Tensor) -> Tensor:
    """Inverse of a correlation matrix with a ridge, larger where float32 sums left it indefinite."""
    ridge = RIDGE
    while True:
        factor, failed = torch.linalg.cholesky_ex(r + ridge * torch.eye(len(r), dtype=r.dtype))
        if not failed:
            return torch.cholesky_inverse(factor)
        ridge *= 10


redundant = Measure(
    "redundant",
    compute,
    layer_columns={
        "redundant": Column(
            "reliable units that a linear mixture of all the others predicts on held-out examples (R^2 >= .95); "
            "duplicates are among them",
            "units", 0, source="docs/numbers.md",
        )
    },
    unit_columns={
        "r2_rest": Column("held-out R^2 of the unit from all other live units; below -1 shown as -1", "", -1, 1),
    },
)  # fmt: skip
