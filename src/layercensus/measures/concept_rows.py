"""The rows on which concepts are fitted and judged: one half of the examples each, where it is known who has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..tally import Marks, Panel
from ..tally.groups import halves

FEWEST = 20  # examples with, and as many without, below which nothing is said of a concept
SOURCES = 4  # sources with and without, where examples share some
ROWS = 4096  # of a half, where positions are judged


@dataclass(frozen=True)
class Half:
    """Rows of one half: responses, what the net is given there, which concepts are there, and their sources."""

    x: Tensor  # (rows, units) float32
    inputs: Tensor  # (rows, features) float32
    has: Tensor  # (rows, concepts) float32, 0 or 1
    group: Tensor  # (rows,) int64


@dataclass(frozen=True)
class Problem:
    """Some concepts, known for the same rows."""

    concept: Tensor  # (concepts,) int64, in the list of all concepts
    fit: Half
    check: Half


def problems(panel: Panel, marks: Marks) -> Iterator[Problem]:
    """What can be asked of these concepts: those in enough examples of each half, and missing in enough."""
    rows = torch.isin(panel.key, marks.key)
    own = marks.of(panel.key[rows])
    has, group = own.has(), panel.group[rows]
    x = panel.mean[rows][:, None] if has.shape[1] == 1 else panel.spots[rows]
    if has.shape[1] != x.shape[1]:
        return
    side = halves(group)
    for which in _known_alike(has):
        known = ~has[..., which[0]].isnan()
        chosen = which[_enough(has[..., which], group, side)]
        if len(chosen):
            fit, check = (_half(x, own.inputs, has[..., chosen], group, known, side == half) for half in (0, 1))
            yield Problem(own.concept[chosen], fit, check)


def examples_with(has: Tensor) -> tuple[Tensor, Tensor]:
    """(concepts,) each: in how many examples a concept is somewhere, and in how many it is missing somewhere."""
    return ((has == 1).any(1)).sum(0), ((has == 0).any(1)).sum(0)


def _known_alike(has: Tensor) -> Iterator[Tensor]:
    """Numbers of the concepts that are known for the same rows, set by set."""
    known = (~has.isnan()).flatten(0, 1)
    weight = torch.randint(1, 2**31, (len(known),), generator=torch.Generator().manual_seed(0))
    _, which = (known * weight[:, None]).sum(0).unique(return_inverse=True)  # type: ignore[no-untyped-call]
    for number in range(int(which.max()) + 1 if len(which) else 0):
        yield (which == number).nonzero().flatten()


def _enough(has: Tensor, group: Tensor, side: Tensor) -> Tensor:
    """(concepts,) bool: in enough examples, missing in enough, and both in each half."""
    some, without = examples_with(has)
    found = (some >= FEWEST) & (without >= FEWEST)
    for value in (1, 0):
        for half in (0, 1):
            there = ((has == value).any(1)) & (side == half)[:, None]
            found &= there.sum(0) >= FEWEST // 4
            found &= _sources(there, group) >= SOURCES
    return found


def _sources(there: Tensor, group: Tensor) -> Tensor:
    """(concepts,) how many sources have an example in it; there: (examples, concepts) bool."""
    _, number = group.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    return torch.zeros(int(number.max()) + 1, there.shape[1]).index_add_(0, number, there.float()).gt(0).sum(0)


def _half(x: Tensor, inputs: Tensor, has: Tensor, group: Tensor, known: Tensor, side: Tensor) -> Half:
    """The rows of one half that are known, position by position; of whole examples as many as keep to ROWS."""
    spots = x.shape[1]
    chosen = side.nonzero().flatten()[: max(1, ROWS // spots)] if spots > 1 else side.nonzero().flatten()
    kept = known[chosen].flatten()
    own, given, there = (each[chosen].flatten(0, 1)[kept].float() for each in (x, inputs, has))
    return Half(own, given, there, group[chosen].repeat_interleave(spots)[kept])
