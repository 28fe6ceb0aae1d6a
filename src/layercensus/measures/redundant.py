"""Is a unit a mixture of the others, though no single other unit repeats it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .column import Column
from .column import interval as interval_columns
from .correlation import standardised
from .dealt import Dealt
from .interval import bounds, example_weights
from .measure import Evidence, Measure, Outcome
from .place import heavy
from .reliability import FEWEST, reliable_replicates
from .similar_pairs import BLOCK, too_wide

THRESHOLD = 0.95
BY_ROWS = 40  # bytes for each pair of rows: gram, cross, factor, the solver's copy of it, and a block of units
BLOCKS = 16  # a block has at most as many units as a sixteenth of the rows, so that it takes one matrix more
RIDGE = 1e-3  # keeps exact copies, and fewer rows than units, from making the correlation matrix singular


def compute(evidence: Evidence) -> Outcome:
    """R^2 of each live unit from all other live ones: weights from one half of the panel, checked on the other."""
    fit, check = evidence.panel.half(0), evidence.panel.half(1)
    if min(len(fit), len(check)) < FEWEST or "reliable" not in evidence.units:
        return Outcome()
    live = evidence.units["live"].nonzero().flatten()
    r2 = torch.full((evidence.width,), torch.nan)
    replicates = torch.full((evidence.settings.resamples, evidence.width), torch.nan)
    dealt = Dealt.of(check.group)
    if len(live) > 1:
        spots = check.spots.shape[1]
        weights = example_weights(dealt, len(replicates), evidence.seed + 2).repeat_interleave(spots, 1)
        rows, memory = len(fit) * spots, evidence.settings.memory
        by_rows = too_wide(len(live), memory)
        if by_rows and BY_ROWS * rows * rows > memory * 1e9:
            return Outcome(
                notes=(f"redundant left out: {len(live):,} units and {rows:,} rows to invert (memory={memory:g})",)
            )
        if by_rows:
            for units, mixed in wide_mixture(fit.spots, check.spots, live):
                r2[units], replicates[:, units] = mixed.r2(), mixed.r2_replicates(weights)
        else:
            r2[live], replicates[:, live] = _whole(fit.spots[:, :, live], check.spots[:, :, live], weights)
    count = int((evidence.units["reliable"] & (r2 >= THRESHOLD)).sum())
    counts = (reliable_replicates(evidence) & (dealt.corrected(replicates, r2) >= THRESHOLD)).sum(1)
    counts = dealt.widened(counts, count, evidence.width)
    return Outcome(
        layer={"redundant": count} | bounds("redundant", count, counts, dealt, evidence.width),
        units={"r2_rest": r2},
        arrays={"redundant_resamples": counts},
    )


@dataclass(frozen=True)
class Mixture:
    """What is left of each unit on rows that its mixture of the others has not seen."""

    left: Tensor  # (rows, units) float64, residuals; nan in a unit that does not vary
    value: Tensor  # (rows, units) float64, standardised: mean 0, length 1

    def r2(self) -> Tensor:
        """(units,) float32 in [-1, 1]: 0 is what the mean predicts; nan for a unit that does not vary."""
        return (1 - self.left.square().sum(0)).clamp(-1, 1).float()

    def r2_replicates(self, weights: Tensor) -> Tensor:
        """The same for every resample of the rows, the mixture kept: (resamples, rows) -> (resamples, units)."""
        n = weights.sum(1, keepdim=True)
        total = weights @ self.value.float().square() - (weights @ self.value.float()).square() / n
        left = weights @ self.left.float().square()
        return torch.where(total > 0, 1 - left / total.clamp(min=1e-30), torch.nan).clamp(-1, 1)


def mixture(fit: Tensor, check: Tensor) -> Mixture:
    """Each unit as a mixture of all others with the weights of `fit`, tried on `check`; both (rows, units).

    In sample its R^2 is 1 - 1/(R^-1)_ii with R the correlation matrix; in sample it also goes to 1 when the units are
    as many as the rows, hence the second half.
    """
    z, w = standardised(fit), standardised(check)
    moves = (z.abs().amax(0) > 0) & (w.abs().amax(0) > 0)
    z, w = z[:, moves].double(), w.double()  # float32 sums, inverted, would move with the batch size
    precision = _inverse(z.T @ z)
    filter_ = precision / precision.diagonal()  # column i: the residual of unit i as a mixture of all
    left = torch.full_like(w, torch.nan)
    left[:, moves] = w[:, moves] @ filter_
    return Mixture(left, w)


@heavy
def _whole(fit: Tensor, check: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """R^2 of all units at once, and its resamples, from a matrix of units by units; (examples, spots, units) each."""
    mixed = mixture(fit.flatten(0, 1), check.flatten(0, 1))
    return mixed.r2(), mixed.r2_replicates(weights)


def wide_mixture(fit: Tensor, check: Tensor, live: Tensor) -> Iterator[tuple[Tensor, Mixture]]:
    """The same some units at a time, from a matrix of rows by rows (Woodbury's identity), however many rows.

    fit, check: (examples, spots, units); live: (chosen,) the units. Yields units and their mixture.
    """

    def blocks() -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        for some in torch.split(live, max(1, min(BLOCK, len(fit) * fit.shape[1] // BLOCKS))):
            z, w = (standardised(x[:, :, some].flatten(0, 1)).double() for x in (fit, check))
            moves = (z.abs().amax(0) > 0) & (w.abs().amax(0) > 0)
            yield some, z * moves, w, moves

    gram = torch.zeros(fit.shape[0] * fit.shape[1], fit.shape[0] * fit.shape[1], dtype=torch.float64)
    cross = torch.zeros(check.shape[0] * check.shape[1], len(gram), dtype=torch.float64)
    for _, z, w, moves in blocks():
        gram.addmm_(z, z.T)
        cross.addmm_(w * moves, z.T)
    factor = _factor(gram)
    del gram
    for some, z, w, moves in blocks():
        solved = torch.cholesky_solve(z, factor)
        left = (w - cross @ solved) / (1 - (z * solved).sum(0))
        left[:, ~moves] = torch.nan
        yield some, Mixture(left, w)


def _inverse(r: Tensor) -> Tensor:
    """Inverse of a correlation matrix with a ridge; `r` is overwritten."""
    return torch.cholesky_inverse(_factor(r))


def _factor(r: Tensor) -> Tensor:
    """Cholesky factor of a matrix with a ridge, larger where float32 sums left it indefinite; `r` is overwritten."""
    diagonal, ridge = r.diagonal().clone(), RIDGE
    while True:
        r.diagonal().copy_(diagonal + ridge)  # in place: a sum would be one more matrix
        factor: Tensor
        factor, failed = torch.linalg.cholesky_ex(r)
        if not failed:
            return factor
        ridge *= 10


redundant = Measure(
    "redundant",
    compute,
    layer_columns={
        "redundant": Column(
            "reliable units that a linear mixture of all the others predicts on held-out examples (R^2 >= .95); "
            "duplicates are among them",
            "units", 0, source="docs/numbers.md", kind="count", order=140, resamples="redundant", excess=True,
        ),
        **interval_columns("redundant", "units", 310),
    },
    unit_columns={
        "r2_rest": Column(
            "held-out R^2 of the unit from all other live units; below -1 shown as -1", "", -1, 1, kind="fraction",
            order=110,
        ),
    },
)  # fmt: skip
