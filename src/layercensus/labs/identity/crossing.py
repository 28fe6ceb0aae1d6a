"""The depth at which nets stop copying and begin to recite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

SHALLOW = 5  # layers up to which a net must copy


@dataclass(frozen=True)
class Crossing:
    """Where identity - constant changes its sign for good, over training runs of every depth.

    depths: of each seed; None where the deepest nets still copy. shallow: whether every net of at most five layers, of
    every seed, copies on every kind of test picture. deep: whether the deepest recite on every kind.
    """

    depths: tuple[float | None, ...]
    shallow: bool
    deep: bool

    @property
    def mean(self) -> float | None:
        """Over the seeds; None where one of them never crosses."""
        crossed = [depth for depth in self.depths if depth is not None]
        return fmean(crossed) if len(crossed) == len(self.depths) and crossed else None


def crossing(margins: Mapping[int, Mapping[int, tuple[float, ...]]]) -> Crossing:
    """The crossing of these nets. margins: seed -> depth -> identity minus constant of every kind."""
    depths = tuple(_depth({depth: fmean(kinds) for depth, kinds in by.items()}) for by in margins.values())
    deepest = max(depth for by in margins.values() for depth in by)
    every = [(depth, kinds) for by in margins.values() for depth, kinds in by.items()]
    return Crossing(
        depths,
        all(min(kinds) > 0 for depth, kinds in every if depth <= SHALLOW),
        all(max(kinds) < 0 for depth, kinds in every if depth == deepest),
    )


def _depth(margin: Mapping[int, float]) -> float | None:
    """Between two trained depths on a straight line."""
    order = sorted(margin)
    if margin[order[-1]] >= 0:
        return None
    last = max((depth for depth in order if margin[depth] >= 0), default=None)
    if last is None:
        return float(order[0])
    after = order[order.index(last) + 1]
    return last + (after - last) * margin[last] / (margin[last] - margin[after])
