"""How alike two units are, whichever way they go together: linearly, in ranks, or behind what cuts them off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .coincidence import FEW, carriers, enough
from .correlation import standardised, unit_correlation
from .pair_resamples import pair_resamples
from .place import heavy
from .ranks import latent
from .sparse_linkage import Pairs
from .standing import Some, Standing

LINEAR, MONOTONE, BEHIND = 0, 1, 2
AT_ONCE = 2**26  # readings of units whose pairs are followed that are copied at once
ROWS = 2048  # that ranks are taken of: positions of each example as far as that goes
MOSTLY = 0.5  # of the rows at one value beyond which the ranks of two units see little but on and off
NONLINEAR = 0.02  # by which ranks must agree better than the responses: less is the doubt of either
UNLIKE = 2 / 3  # units of which one is active that much less often are not the same behind what cuts them off,
BY_CHANCE = 4  # unless so few rows make the difference
ALL = slice(None)


def ranked_rows(spots: Tensor) -> int:
    """How many rows of (examples, spots, units) are ranked: a few positions of each example."""
    return len(spots) * min(spots.shape[1], max(1, ROWS // max(1, len(spots))))


@dataclass(frozen=True)
class Relations:
    """The readings of some units in each form that they are compared in."""

    spots: Tensor  # (examples, spots, all units)
    units: Tensor  # (units,) those that are compared
    group: Tensor  # (examples,) int64, drawn as wholes
    standing: Standing  # of some positions
    few: Tensor  # (3, units) how many examples carry each unit, in each form

    @classmethod
    def of(cls, spots: Tensor, units: Tensor, group: Tensor | None = None) -> Relations:
        """Of the readings (examples, spots, all units) of these units. group: (examples,) int64, drawn as wholes."""
        group = torch.arange(len(spots)) if group is None else group
        positions = ranked_rows(spots) // max(1, len(spots))
        standing = Standing.of(spots[:, :positions], units)
        linear = (standardised(spots[:, :, some].flatten(0, 1)) for some in torch.split(units, ROWS))
        few = torch.cat([carriers(z, len(spots)) for z in linear])
        return cls(spots, units, group, standing, torch.cat([few[None], standing.few]))

    def form(self, kind: int, some: Some) -> Tensor:
        """Standardised readings of some units in one form: (rows, some)."""
        if kind == LINEAR:
            return standardised(self.spots[:, :, self.units[some]].flatten(0, 1))
        return self.standing.by_rank[:, some] if kind == MONOTONE else self.standing.behind(some)

    def block(self, linear: Tensor, some: Some, others: Some, sign_blind: bool) -> tuple[Tensor, Tensor]:
        """The strongest correlation of units with others, and which kind it is: both (some, others).

        linear: theirs as they are. What a few examples carry, so that chance among so many pairs does as well, is 0.
        """
        best, kind = self._checked(LINEAR, linear, some, others), torch.zeros(linear.shape, dtype=torch.int8)
        for number in (MONOTONE, BEHIND):
            a, b = self.form(number, some), self.form(number, others)
            if not bool(a.any() and b.any()):
                continue
            c = (a.T @ b).clamp_(-1, 1)
            c = self._behind(c, some, others) if number == BEHIND else self._in_ranks(c, some, others)
            c = self._checked(number, c, some, others)
            more = NONLINEAR if number == MONOTONE else 0.0
            better = c.abs() > best.abs() + more if sign_blind else c > best + more
            best, kind = torch.where(better, c, best), kind.masked_fill(better, number)
        return best, kind

    def between(self, i: Tensor, j: Tensor) -> Tensor:
        """Correlations of pairs of units in every form: (3, pairs)."""
        steps = zip(*(torch.split(side, ROWS) for side in (i, j)), strict=True)
        c = [torch.stack([(self.form(k, p) * self.form(k, q)).sum(0) for k in range(3)]) for p, q in steps]
        found = torch.cat([torch.zeros(3, 0), *c], 1)
        found[BEHIND] = self._of_pairs(found[BEHIND][None], i.numpy(), j.numpy())[0]
        return found

    def resamples(
        self, pairs: Pairs, kind: NDArray[np.int8], *, seed: int, resamples: int, some: slice = slice(None)
    ) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Of some pairs at a time: their numbers, and their correlations (resamples, those pairs), each of its kind.

        some: of the resamples.
        """
        for number in (LINEAR, MONOTONE, BEHIND):
            chosen = np.flatnonzero(kind == number)
            if not len(chosen):
                continue
            for part in self._near(number, pairs, chosen):
                asked = np.zeros(len(self.units), dtype=np.bool_)
                asked[pairs.i[part]] = asked[pairs.j[part]] = True
                few, place = np.flatnonzero(asked), np.cumsum(asked) - 1
                own = Pairs(place[pairs.i[part]], place[pairs.j[part]], np.zeros(0), len(few), pairs.floor)
                rows = self._rows(number, torch.from_numpy(few))  # of all units it would be a copy of the panel
                for start, c in pair_resamples(rows, own, group=self.group, seed=seed, resamples=resamples, some=some):
                    which = part[start : start + c.shape[1]]
                    if number == BEHIND:
                        c = self._of_pairs(c, pairs.i[which], pairs.j[which])
                    yield which, c

    def _near(self, kind: int, pairs: Pairs, chosen: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """These pairs, or some at a time between two blocks of units, so that their readings fit into AT_ONCE."""
        rows = self.spots.shape[0] * self.spots.shape[1] if kind == LINEAR else len(self.standing.by_rank)
        step = max(1, AT_ONCE // (2 * rows))
        if len(self.units) <= 2 * step:
            yield chosen
            return
        block = pairs.i[chosen] // step * -(-len(self.units) // step) + pairs.j[chosen] // step
        order = np.argsort(block, kind="stable")
        yield from np.split(chosen[order], np.flatnonzero(np.diff(block[order])) + 1)

    def _rows(self, kind: int, members: Tensor) -> Tensor:
        """Readings of some units in one form, a copy of their own: (examples, spots, members)."""
        if kind == LINEAR:
            return self.spots[:, :, self.units[members]]
        return self.form(kind, members).view(len(self.spots), -1, len(members))

    def _in_ranks(self, c: Tensor, some: Some, others: Some) -> Tensor:
        mostly = self.standing.silent > MOSTLY
        return torch.where(mostly[some][:, None] & mostly[others], 0.0, c)

    def _behind(self, c: Tensor, some: Some, others: Some) -> Tensor:
        r = self.standing
        active, end = (1 - r.silent) * len(r.by_rank), r.end
        a, b = active[some][:, None], active[others][None]
        like = torch.minimum(a, b) >= torch.minimum(UNLIKE * torch.maximum(a, b), torch.maximum(a, b) - BY_CHANCE)
        turned = torch.where(end[some][:, None] * end[others][None] < 0, -1.0, 1.0)
        c = _least(latent(c, r.curve[some]), latent(c.T, r.curve[others]).T)
        return torch.where(like, turned * c, 0.0)

    def _of_pairs(self, c: Tensor, i: NDArray[np.int64], j: NDArray[np.int64]) -> Tensor:
        r, p, q = self.standing, torch.from_numpy(i), torch.from_numpy(j)
        turned = torch.where(r.end[p] * r.end[q] < 0, -1.0, 1.0)
        return turned * _least(latent(c.T, r.curve[p]), latent(c.T, r.curve[q])).T

    def _checked(self, kind: int, c: Tensor, some: Some, others: Some) -> Tensor:
        """The correlations without those that a few examples carry."""
        few, limit = self.few[kind], min(FEW, len(self.spots) / 8)
        a, b = few[some], few[others]
        if not bool((a < limit).any() and (b < limit).any()):
            return c
        i, j = ((c.abs() >= 0.5) & (a < limit)[:, None] & (b < limit)).nonzero(as_tuple=True)
        place = torch.arange(len(self.units))
        keep = enough(
            lambda few: self.form(kind, few), self.few[kind], len(self.spots), place[some][i], place[others][j]
        )  # fmt: skip
        c = c.clone()
        c[i[~keep], j[~keep]] = 0
        return c


@heavy
def related(
    spots: Tensor, peak: Tensor, units: Tensor, group: Tensor, sign_blind: bool
) -> tuple[Relations, Tensor, Tensor]:
    """Relations of some units, and of all pairs of them the strongest correlation and its kind: both (some, some).

    spots: (examples, spots, all units); peak: (examples, all units); units: (some,); group: (examples,) int64.
    """
    relations = Relations.of(spots, units, group)
    return relations, *relations.block(unit_correlation(spots[:, :, units], peak[:, units]), ALL, ALL, sign_blind)


def _least(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(a.abs() < b.abs(), a, b)
