"""Statistics over ALL the data, in memory that the number of units alone decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from .tally import Tally, keep_best, padded

NOBODY = torch.iinfo(torch.int64).max  # the key of an empty place among the top examples


@dataclass
class Moments(Tally):
    """Count, mean and centred sum of squares of both readings, firing counts, extremes (Chan, Golub & LeVeque 1983)."""

    count: Tensor  # () int64, examples seen
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


def _join(one: Moments, two: Moments, mean: str, m2: str, total: Tensor) -> tuple[Tensor, Tensor]:
    share = two.count.double() / total  # whole numbers divided would be float32
    delta = getattr(two, mean) - getattr(one, mean)
    joined = getattr(one, m2) + getattr(two, m2) + delta.square() * (one.count * share)
    return getattr(one, mean) + delta * share, joined


@dataclass
class Top(Tally):
    """The examples to which each unit responds most, by either reading; ties go to the smaller key."""

    peak: Tensor  # (k, units) float32, largest first
    peak_key: Tensor  # (k, units) int64
    mean: Tensor  # (k, units) float32
    mean_key: Tensor  # (k, units) int64

    @classmethod
    def empty(cls, units: int, k: int = 9) -> Self:
        value, key = torch.full((k, units), -torch.inf), torch.full((k, units), NOBODY, dtype=torch.int64)
        return cls(value.clone(), key.clone(), value.clone(), key.clone())

    def update(self, mean: Tensor, peak: Tensor, keys: Tensor) -> None:
        if len(keys) == 0:
            return
        k = len(self.peak)
        order = keys.argsort()
        self.merge(Top(*_best_rows(peak[order], keys[order], k), *_best_rows(mean[order], keys[order], k)))

    def merge(self, other: Top) -> None:
        k = len(self.peak)
        self.peak, self.peak_key = keep_best(
            torch.cat([self.peak, other.peak]), torch.cat([self.peak_key, other.peak_key]), k
        )
        self.mean, self.mean_key = keep_best(
            torch.cat([self.mean, other.mean]), torch.cat([self.mean_key, other.mean_key]), k
        )


def _best_rows(value: Tensor, keys: Tensor, k: int) -> tuple[Tensor, Tensor]:
    order = value.argsort(dim=0, descending=True, stable=True)[:k]
    return padded(value.gather(0, order), k, -torch.inf), padded(keys[order], k, NOBODY)


@dataclass
class Quantiles(Tally):
    """A histogram of the spatial mean on fixed logarithmic bins, so that merging is exact.

    Four bins an octave for magnitudes 2^-16 ... 2^16, mirrored for negative values, with one bin for what is smaller:
    a quantile read from it is within 9 % of the true one (the idea of DDSketch, Masson, Rim & Lee 2019).
    """

    counts: Tensor  # (bins, units) int32

    OCTAVES = 16
    STEPS = 4
    HALF = 2 * OCTAVES * STEPS + 1  # bins of one sign

    @classmethod
    def empty(cls, units: int) -> Self:
        return cls(torch.zeros(2 * cls.HALF + 1, units, dtype=torch.int32))

    def update(self, mean: Tensor, peak: Tensor, keys: Tensor) -> None:
        if len(keys) == 0:
            return
        place = (mean.abs().log2() * self.STEPS).floor() + self.OCTAVES * self.STEPS + 1
        index = self.HALF + (place.clamp(0, self.HALF).nan_to_num(0) * mean.sign()).long()
        self.counts.scatter_add_(0, index, torch.ones((), dtype=torch.int32).expand_as(index))

    def merge(self, other: Quantiles) -> None:
        self.counts = self.counts + other.counts

    def quantile(self, q: float) -> Tensor:
        """(units,) float64: the value below which a share q of the examples lies, to 9 % of its size."""
        share = self.counts.double().cumsum(0)
        bin_ = (share < q * share[-1]).sum(0) - self.HALF
        size = torch.exp2((bin_.abs() - 0.5 - self.OCTAVES * self.STEPS) / self.STEPS)
        return torch.where(bin_ == 0, 0.0, size.double() * bin_.sign())


@dataclass
class Streams(Tally):
    """All the streams of one layer, updated together."""

    moments: Moments
    top: Top
    quantiles: Quantiles

    @classmethod
    def empty(cls, units: int, k: int = 9) -> Self:
        return cls(Moments.empty(units), Top.empty(units, k), Quantiles.empty(units))

    def update(self, mean: Tensor, peak: Tensor, keys: Tensor) -> None:
        for part in (self.moments, self.top, self.quantiles):
            part.update(mean, peak, keys)

    def merge(self, other: Streams) -> None:
        self.moments.merge(other.moments)
        self.top.merge(other.top)
        self.quantiles.merge(other.quantiles)

    def state_dict(self) -> dict[str, Tensor]:
        parts = {"moments": self.moments, "top": self.top, "quantiles": self.quantiles}
        return {f"{name}.{field}": value for name, part in parts.items() for field, value in part.state_dict().items()}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        def part(name: str) -> dict[str, Tensor]:
            return {key.split(".", 1)[1]: value for key, value in state.items() if key.startswith(name + ".")}

        return cls(
            Moments.from_state(part("moments")), Top.from_state(part("top")), Quantiles.from_state(part("quantiles"))
        )
