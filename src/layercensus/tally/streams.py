"""Statistics over ALL the data, in memory that the number of units alone decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from .tally import Tally, highest, keep_best, padded

NOBODY = torch.iinfo(torch.int64).max  # the key of an empty rank among the top examples


@dataclass
class Moments(Tally):
    """Count, mean and centred sum of squares of both readings, firing counts, extremes (Chan, Golub & LeVeque 1983)."""

    count: Tensor  # () int64, examples counted
    mean: Tensor  # (units,) float64, of the spatial mean
    m2: Tensor  # (units,) float64, sum of squared deviations of the spatial mean
    peak_mean: Tensor  # (units,) float64, of the spatial maximum
    peak_m2: Tensor  # (units,) float64
    fired: Tensor  # (units,) int64, examples in which some position was above zero
    low: Tensor  # (units,) float64, smallest spatial mean
    high: Tensor  # (units,) float64, largest spatial maximum

    @classmethod
    def empty(cls, units: int) -> Self:
        zero = torch.zeros(units, dtype=torch.float64)
        return cls(
            torch.zeros((), dtype=torch.int64), zero.clone(), zero.clone(), zero.clone(), zero.clone(),
            torch.zeros(units, dtype=torch.int64), zero + torch.inf, zero - torch.inf,
        )  # fmt: skip

    def update(self, mean: Tensor, peak: Tensor, keys: Tensor) -> None:
        """Count examples: `mean` and `peak` are (examples, units), `keys` (examples,)."""
        if len(keys) == 0:
            return
        self.move(peak.device)
        a, b = mean.double(), peak.double()
        m, p = a.mean(0), b.mean(0)
        count = torch.tensor(len(keys), dtype=torch.int64)
        self.merge(
            Moments(count, m, (a - m).square().sum(0), p, (b - p).square().sum(0), (b > 0).sum(0), a.amin(0), b.amax(0))
        )

    def merge(self, other: Moments) -> None:
        total = self.count + other.count
        if total == 0:
            return
        self.mean, self.m2 = _join(self, other, "mean", "m2", total)
        self.peak_mean, self.peak_m2 = _join(self, other, "peak_mean", "peak_m2", total)
        self.count, self.fired = total, self.fired + other.fired
        self.low, self.high = torch.minimum(self.low, other.low), torch.maximum(self.high, other.high)


def _join(a: Moments, b: Moments, mean: str, m2: str, total: Tensor) -> tuple[Tensor, Tensor]:
    weight = b.count.double() / total  # integers divided would be float32
    delta = getattr(b, mean) - getattr(a, mean)
    joined = getattr(a, m2) + getattr(b, m2) + delta.square() * (a.count * weight)
    return getattr(a, mean) + delta * weight, joined


@dataclass
class Top(Tally):
    """The examples in which each unit peaks highest, and has the highest mean; ties go to the smaller key."""

    peak: Tensor  # (k, units) float32, largest first
    peak_key: Tensor  # (k, units) int64
    mean: Tensor  # (k, units) float32, largest first
    mean_key: Tensor  # (k, units) int64

    @classmethod
    def empty(cls, units: int, k: int = 9) -> Self:
        none, nobody = torch.full((k, units), -torch.inf), torch.full((k, units), NOBODY, dtype=torch.int64)
        return cls(none, nobody, none.clone(), nobody.clone())

    def update(self, mean: Tensor, peak: Tensor, keys: Tensor) -> None:
        """Count examples: `mean` and `peak` are (examples, units), `keys` (examples,)."""
        if len(keys) == 0:
            return
        self.move(peak.device)
        keys = keys.to(peak.device)
        k, order = len(self.peak), keys.argsort()
        best = _best(peak[order], keys[order], k)
        self.merge(Top(*best, *(best if mean is peak else _best(mean[order], keys[order], k))))

    def merge(self, other: Top) -> None:
        self.peak, self.peak_key = _better(self.peak, self.peak_key, other.peak, other.peak_key)
        self.mean, self.mean_key = _better(self.mean, self.mean_key, other.mean, other.mean_key)


def _best(value: Tensor, keys: Tensor, k: int) -> tuple[Tensor, Tensor]:
    best, index = highest(value, k)
    return padded(best, k, -torch.inf), padded(keys[index], k, NOBODY)


def _better(value: Tensor, key: Tensor, other: Tensor, other_key: Tensor) -> tuple[Tensor, Tensor]:
    return keep_best(torch.cat([value, other]), torch.cat([key, other_key]), len(value))


@dataclass
class Streams(Tally):
    """All the streams of one layer, updated together."""

    moments: Moments
    top: Top

    @classmethod
    def empty(cls, units: int, k: int = 9) -> Self:
        return cls(Moments.empty(units), Top.empty(units, k))

    def update(self, mean: Tensor, peak: Tensor, keys: Tensor) -> None:
        """Count examples: `mean` and `peak` are (examples, units), `keys` (examples,)."""
        self.moments.update(mean, peak, keys)
        self.top.update(mean, peak, keys)

    def merge(self, other: Streams) -> None:
        self.moments.merge(other.moments)
        self.top.merge(other.top)

    def move(self, device: torch.device | str) -> None:
        self.moments.move(device)
        self.top.move(device)

    def state_dict(self) -> dict[str, Tensor]:
        parts = {"moments": self.moments, "top": self.top}
        return {f"{name}.{field}": value for name, part in parts.items() for field, value in part.state_dict().items()}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        def part(name: str) -> dict[str, Tensor]:
            return {key.split(".", 1)[1]: value for key, value in state.items() if key.startswith(name + ".")}

        return cls(Moments.from_state(part("moments")), Top.from_state(part("top")))
