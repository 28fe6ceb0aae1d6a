"""How a training run is watched: the size of the panel, how often, and from when on something is an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import CensusError
from ..intervene.answers import Choice, named
from ..settings import Integer, Number, boolean, check_seed

LEAST = {"panel": 16, "needed_every": 1, "batch": 1, "spots": 1, "resamples": 20, "start": 0}


@dataclass(frozen=True)
class Thresholds:
    """From when on something is an alarm; each is a fraction, and 1 or more means never.

    dying: of a layer's units that died since its fewest dead ones (at least `least` units). dead_at_start: of its units
    that are dead in the first reading. collapse: `needed` fell below so much of what it was, beyond both intervals.

    >>> Thresholds(dying=0.1).collapse
    0.5

    Raises:
        CensusError: a value is of another type or outside its range.
    """

    dying: float = 0.2
    dead_at_start: float = 0.5
    collapse: float = 0.5
    least: int = 2

    def __post_init__(self) -> None:
        for name in ("dying", "dead_at_start", "collapse"):
            object.__setattr__(self, name, Number(0)(name, getattr(self, name)))
        object.__setattr__(self, "least", Integer(1)("least", self.least))


@dataclass(frozen=True)
class WatchOptions:
    """What can be set of a watch beyond what `lc.watch` itself takes.

    layers, output, views: as of `lc.take`. panel: examples of the fixed panel, chosen by a hash of their ids.
    needed_every: `needed` is counted in every so many readings. batch: examples a forward pass. spots: positions read
    of each map. seed: of positions, views and probes. resamples: behind the interval of distinct units. alarms: a
    `Thresholds`. resume: go on with the timeline in `out`. start: steps that
    are done before the watch begins.

    >>> WatchOptions(panel=512).needed_every
    4

    Raises:
        CensusError: a value is of another type or outside its range.
    """

    layers: str | Sequence[str] | None = None
    output: Choice = None
    panel: int = 256
    needed_every: int = 4
    batch: int = 64
    spots: int = 8
    views: Any = None
    seed: int = 0
    resamples: int = 20
    alarms: Thresholds = field(default_factory=Thresholds)
    resume: bool = False
    start: int = 0

    def __post_init__(self) -> None:
        for name, low in LEAST.items():
            object.__setattr__(self, name, Integer(low)(name, getattr(self, name)))
        check_seed(self.seed)
        object.__setattr__(self, "resume", boolean("resume", self.resume))
        if not isinstance(self.alarms, Thresholds):
            raise CensusError(f"alarms must be layercensus.Thresholds. Got {type(self.alarms).__name__}.")

    def as_json(self) -> dict[str, Any]:
        """What decides the numbers, as JSON."""
        return {
            "panel": self.panel, "needed_every": self.needed_every, "spots": self.spots, "seed": self.seed,
            "output": named(self.output), "alarms": vars(self.alarms),
        }  # fmt: skip
