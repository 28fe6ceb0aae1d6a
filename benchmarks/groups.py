"""How often the 95 % interval of a count holds the truth where examples are crops of few photographs.

    python benchmarks/groups.py --draws 200

Four fifths of every unit's variance belong to the photograph. Every draw is a new population and a new sample of it;
the truth is the count at the population's own values. distinct: pairs of units correlate around tau = .9, evenly about
it or mostly on one side. reliable: units come back around .5. redundant: mixtures with a residual around 5 %; the truth
is what the fitted mixture predicts on endless photographs. informative: eta^2 lies around the twin's quantile; the
class differs between the crops of a photograph, or is the photograph's. Then what is beyond chance depends on the
number of photographs, and the truth is the mean count in a dozen fresh samples.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from layercensus.measures import MEASURES, Evidence, measure
from layercensus.measures.correlation import standardised
from layercensus.measures.redundant import _inverse
from layercensus.testing.evidence import evidence

BETWEEN = 0.8  # of the variance that belongs to the photograph
EXAMPLES, UNITS, CLASSES = 600, 40, 5
FRESH = 12  # samples
Truth = Callable[[], int]


@dataclass(frozen=True)
class Crops:
    """Crops of some photographs, and random numbers that those of one share."""

    photograph: Tensor  # (EXAMPLES,) int64
    rng: np.random.Generator

    @classmethod
    def of(cls, photographs: int, seed: int) -> Crops:
        rng = np.random.default_rng([seed, photographs])
        return cls(torch.from_numpy(rng.integers(0, photographs, EXAMPLES)), rng)

    def again(self, number: int) -> Crops:
        """As many crops of other photographs."""
        return replace(self, rng=np.random.default_rng([number, int(self.rng.integers(2**31))]))

    def normal(self, columns: int) -> Tensor:
        """(EXAMPLES, columns) float32 of variance 1."""
        shared = self.rng.standard_normal((int(self.photograph.max()) + 1, columns))[self.photograph]
        own = self.rng.standard_normal((EXAMPLES, columns))
        return torch.from_numpy(BETWEEN**0.5 * shared + (1 - BETWEEN) ** 0.5 * own).float()

    def accident(self, columns: int) -> Tensor:
        """The same, of each example by itself: what a view adds."""
        return torch.from_numpy(self.rng.standard_normal((EXAMPLES, columns))).float()

    def seen(self, x: Tensor, **more: object) -> Evidence:
        """Units whose two views agree nearly."""
        a, b = (x + 0.05 * self.accident(x.shape[1]) for _ in range(2))
        return evidence(x[:, None], a, b, group=self.photograph, **more)  # type: ignore[arg-type]


def pairs(low: float, high: float) -> Callable[[Crops], tuple[Evidence, Truth]]:
    """Pairs of units that correlate between `low` and `high`."""

    def sample(crops: Crops) -> tuple[Evidence, Truth]:
        rho = torch.from_numpy(crops.rng.uniform(low, high, UNITS // 2)).float()
        latent = crops.normal(UNITS // 2)
        both = [latent * rho.sqrt() + crops.normal(UNITS // 2) * (1 - rho).sqrt() for _ in range(2)]
        truth = UNITS - int((rho >= 0.9).sum())
        return crops.seen(torch.cat(both, 1)), lambda: truth

    return sample


def single(low: float, high: float) -> Callable[[Crops], tuple[Evidence, Truth]]:
    """Single units of which a fraction between `low` and `high` comes back in another view."""

    def sample(crops: Crops) -> tuple[Evidence, Truth]:
        share = torch.from_numpy(crops.rng.uniform(low, high, UNITS)).float()
        x = crops.normal(UNITS)
        a, b = (x * share.sqrt() + crops.accident(UNITS) * (1 - share).sqrt() for _ in range(2))
        truth = int((share >= 0.5).sum())
        return evidence(x[:, None], a, b, group=crops.photograph), lambda: truth

    return sample


def mixtures(crops: Crops) -> tuple[Evidence, Truth]:
    """Single units, and mixtures of three of them with a residual around 5 %."""
    base, mixed = 30, 10
    share = torch.from_numpy(crops.rng.uniform(0.92, 0.98, mixed)).float()
    mix = torch.zeros(base, mixed)
    for unit in range(mixed):
        mix[torch.from_numpy(crops.rng.choice(base, 3, replace=False)), unit] = 3**-0.5
    x = crops.normal(base)
    whole = torch.cat([x, (x @ mix) * share.sqrt() + crops.normal(mixed) * (1 - share).sqrt()], 1)
    load = torch.cat([torch.eye(base), mix * share.sqrt()], 1)
    covariance = (load.T @ load).double() + torch.diag(torch.cat([torch.zeros(base), 1 - share])).double()
    made = crops.seen(whole)

    def truth() -> int:
        fit = made.panel.half(0).spots.flatten(0, 1)
        z, scale = standardised(fit).double(), fit.double().std(0)
        precision = _inverse(z.T @ z)
        weights = precision / precision.diagonal() / scale[:, None] * scale
        return int((1 - (covariance @ weights * weights).sum(0) >= 0.95).sum())

    return made, truth


def classes(of_photograph: bool, cut: float) -> Callable[[Crops], tuple[Evidence, Truth]]:
    """Units whose eta^2 lies around `cut`, the quantile of a twin that is given."""

    def sample(crops: Crops) -> tuple[Evidence, Truth]:
        eta2 = torch.from_numpy(crops.rng.uniform(0.3 * cut, 1.7 * cut, UNITS)).float()
        means = torch.from_numpy(crops.rng.standard_normal((CLASSES, UNITS))).float()
        means = (means - means.mean(0)) / means.std(0, correction=0)

        def made(some: Crops) -> Evidence:
            label = some.photograph % CLASSES if of_photograph else torch.arange(EXAMPLES) % CLASSES
            x = means[label] * eta2.sqrt() + some.normal(UNITS) * (1 - eta2).sqrt()
            return some.seen(x, label=label, classes=CLASSES, twin_eta2=torch.full((20,), cut))

        def mean_count() -> int:
            needed = [each for each in MEASURES if each.name in ("live", "reliability", "informative")]
            fresh = (measure(made(crops.again(number)), needed) for number in range(FRESH))
            return round(float(np.mean([got.layer["informative"] for got in fresh])))

        truth = int((eta2 + (1 - eta2) * (CLASSES - 1) / (EXAMPLES - 1) > cut).sum())
        return made(crops), mean_count if of_photograph else lambda: truth

    return sample


POPULATIONS: dict[str, tuple[str, Callable[[Crops], tuple[Evidence, Truth]]]] = {
    "pairs evenly about tau": ("distinct", pairs(0.84, 0.96)),
    "pairs mostly above": ("distinct", pairs(0.88, 0.99)),
    "pairs mostly below": ("distinct", pairs(0.7, 1.0)),
    "units evenly about a half": ("reliable", single(0.35, 0.65)),
    "units far apart": ("reliable", single(0.1, 0.9)),
    "units mostly above": ("reliable", single(0.45, 0.9)),
    "mixtures": ("redundant", mixtures),
    "classes within photographs": ("informative", classes(False, 0.1)),
    "classes of photographs": ("informative", classes(True, 0.4)),
}


def coverage(name: str, photographs: int, draws: int) -> tuple[float, float, float]:
    """Fraction of intervals that hold the truth: groups named, not named; and the mean width where they are named."""
    count, sample = POPULATIONS[name]
    needed = [each for each in MEASURES if each.name in ("live", "reliability", count)]
    held, width = [0, 0], 0.0
    for seed in range(draws):
        made, truth = sample(Crops.of(photographs, seed))
        alone = replace(made, panel=replace(made.panel, group=made.panel.key))
        right = truth()
        for which, tried in enumerate((made, alone)):
            layer = measure(tried, needed).layer
            low, high = layer[f"{count}_low"], layer[f"{count}_high"]
            held[which] += low <= right <= high
            width += (high - low) / draws if which == 0 else 0
    return held[0] / draws, held[1] / draws, width


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--count", help="only the populations of one count, such as informative")
    parser.add_argument("--photographs", type=int, nargs="+", default=[10, 20, 60])
    arguments = parser.parse_args()
    print("| count | population | photographs | groups named | mean width | not named |\n|---|---|---|---|---|---|")
    for name, (count, _) in POPULATIONS.items():
        for photographs in arguments.photographs if arguments.count in (None, count) else ():
            named, alone, width = coverage(name, photographs, arguments.draws)
            print(f"| {count} | {name} | {photographs} | {named:.1%} | {width:.1f} | {alone:.1%} |", flush=True)
