"""The rows of several nets at one layer that can be compared: the same examples, finite everywhere, none beyond all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .halves import Halves, centred, within

FEWEST = 16  # examples of a half below which nothing is said
RARE = 0.01  # of the median spread: a unit below it hardly ever fires, and one example would be all of it
TINY = 1e-37  # what float32 still divides by
ROUNDS = 4  # in which an example far off loses its pull on the mean
DISPLACES = 0.5  # what an example is drawn in to, below which it has displaced the mean


@dataclass(frozen=True)
class CommonRows:
    """Which examples fit and which check, and how far each is drawn in."""

    fit: Tensor  # (examples,) int64, places in the panel
    check: Tensor  # (examples,) int64
    near: Halves | None = None  # (examples,) float64, at most 1

    @property
    def few(self) -> bool:
        """Whether there are too few examples to say anything."""
        return min(len(self.fit), len(self.check)) < FEWEST

    def of(self, spots: Tensor) -> Halves:
        """Both halves of some rows (panel's examples, spots, columns), less the mean row of the half that fits.

        The rows of an example that lies far out in one of the nets are drawn in, by the same factor in all of them:
        what is linear between nets stays so, and no example decides alone.
        """
        return self.as_read(spots) if self.near is None else centred(self.as_read(spots).scaled(self.near))

    def as_read(self, spots: Tensor) -> Halves:
        """The same without drawing in, less a mean in which far examples count as little as they are drawn in."""
        fit, check = spots[self.fit], spots[self.check]
        weight = torch.ones(len(fit)) if self.near is None else self.near.fit
        mean = (weight.to(fit.dtype) @ fit.mean(1)) / float(weight.sum())
        return Halves(fit - mean, check - mean)


def common_rows(first: Tensor, second: Tensor, nets: Sequence[Tensor]) -> CommonRows:
    """The examples of two halves that are finite in every net; of those that check, no copy of one that fits.

    first, second: (examples,) int64, places in the panel. nets: each (panel's examples, spots, columns).
    """
    finite = torch.stack([net.flatten(1).isfinite().all(1) for net in nets]).all(0)
    fit, check = (half[finite[half]] for half in (first, second))
    mark = torch.stack([_mark(net) for net in nets], 1)
    known = {tuple(row) for row in mark[fit].tolist()}
    fresh = [tuple(row) not in known for row in mark[check].tolist()]
    return CommonRows(fit, check[torch.tensor(fresh, dtype=torch.bool)])


def drawn_in(rows: CommonRows, nets: Sequence[Tensor]) -> CommonRows:
    """The same, with examples drawn in where they lie far out in one of the nets."""
    for _ in range(ROUNDS):
        rows = CommonRows(rows.fit, rows.check, within([_lengths(rows.as_read(net)) for net in nets]))
        assert rows.near is not None
        if bool((rows.near.fit > DISPLACES).all()):
            break
    return rows


def not_rare(spread: Tensor) -> Tensor:
    """(units,) bool: which units of a net vary, and not as good as never. spread: (units,) standard deviations."""
    varying = spread[spread > 0]
    return spread > (RARE * float(varying.median()) if len(varying) else 0.0)


def _mark(net: Tensor) -> Tensor:
    """(examples,) float64: the same for examples whose rows are the same, and hardly ever else."""
    flat = net.flatten(1)
    weights = torch.rand(flat.shape[1], generator=torch.Generator().manual_seed(0))
    return (flat * weights).sum(1).double()


def _lengths(halves: Halves) -> Halves:
    """(examples,) float64: mean squared length of each example's rows, its columns brought to one spread."""
    spread = halves.fit.square().mean((0, 1), dtype=torch.float64).sqrt()
    kept = not_rare(spread)
    by = spread[kept].to(halves.fit.dtype).clamp(min=TINY)
    each = (part[..., kept] / by for part in (halves.fit, halves.check))
    return Halves(*(part.square().sum(-1).mean(1).double() for part in each))
