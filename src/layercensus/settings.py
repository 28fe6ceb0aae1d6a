"""Everything about a census that can be set, with the defaults that the documents speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import CensusError

RELIABILITY_GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TAU_GRID = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True)
class Settings:
    """How to count. What changes the numbers comes first, what only changes the run comes after."""

    panel: int = 2048  # examples kept for tests between units, chosen by a hash of their ids
    spots: int = 8  # positions read per map and panel example
    reliability: float = 0.5  # a unit is noise below this share of variance that comes back
    tau: float = 0.9  # two units are one concept from this absolute correlation on
    sign_blind: bool = True  # a unit and its negative are one concept
    q: float = 0.05  # false discovery rate (Benjamini & Hochberg 1995) of every per-unit test
    resamples: int = 200  # bootstrap resamples of examples behind every interval
    unit_axis: Mapping[str, int] = field(
        default_factory=dict
    )  # layer glob -> axis of its units, where inferred wrongly
    batch: int = 32  # examples a forward pass
    twins: int = 5  # untrained nets: the first on all data, the others on a few examples, for how much they differ
    dimension: bool = False  # also the linear and nonlinear dimension of every layer
    sketch: int = 1021  # numbers that a panel example's feature map is kept in, for distances; a prime is best
    top: int = 9  # top examples kept per unit
    pictures: int = 1000  # examples kept for the report, with where the units that they top peak in them; 0: none
    see: int = 0  # concepts of each layer that a picture is made for (images only); see layercensus.see
    out: str | Path | None = None  # folder for checkpoints; None: a temporary one
    resume: bool = False  # go on with what `out` already holds
    shard: tuple[int, int] | None = None  # (2, 4): count the second of four shards of the data, to be merged later
    checkpoint: float = 30.0  # seconds between checkpoints
    limit_bad: int = 0  # unreadable files to skip before giving up
    memory_format: str = "auto"  # "auto" times both and takes the faster; "contiguous" or "channels_last"
    progress: bool = True  # progress bars on standard error

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise CensusError(f"{name} must be between {low} and {high}. Got {value}.")
        if self.twins in (2, 3):
            raise CensusError(f"twins must be 1, or 4 and more to tell how much they differ. Got {self.twins}.")
        if self.shard is not None and not 1 <= self.shard[0] <= self.shard[1]:
            raise CensusError(f"shard must be like (2, 4): the second of four. Got {self.shard}.")
        if self.shard is not None and self.out is None:
            raise CensusError("A shard of the data must be counted into a folder. Got no out.")

    def that_count(self) -> dict[str, Any]:
        """The settings that change the numbers, as JSON."""
        every = asdict(self)
        return {name: every[name] for name in _COUNTING}


_COUNTING = (
    "panel",
    "spots",
    "reliability",
    "tau",
    "sign_blind",
    "q",
    "resamples",
    "unit_axis",
    "twins",
    "dimension",
    "sketch",
    "top",
)
_RANGES = (
    ("panel", 4, 1_000_000),
    ("spots", 1, 4096),
    ("reliability", 0.0, 1.0),
    ("tau", 0.01, 1.0),
    ("q", 0.0001, 0.5),
    ("resamples", 20, 10_000),
    ("batch", 1, 65_536),
    ("top", 1, 1000),
    ("pictures", 0, 100_000),
    ("see", 0, 100_000),
    ("twins", 1, 100),
    ("sketch", 16, 1_000_000),
)
