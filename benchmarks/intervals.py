"""How often the 95 % interval of each count holds the truth, on layers whose units lie near a cut.

    python benchmarks/intervals.py --processes 2        # 200 replicates of each line
    python benchmarks/intervals.py --replicates 2       # does it run?

Every replicate draws a new population (so that no lucky arrangement decides) and a new sample from it; the truth is the
count at the population's own values. distinct: pairs of units correlate around tau = .9. reliable: units come back
around .5. redundant: mixtures are predicted to around .95, the truth being what the fitted mixture predicts on endless
data. informative: eta^2 lies around the twin's quantile. replicated: a replica's units correlate around the null,
the truth being the mean count in fresh samples.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from workers import Rows, options, rows_of

from layercensus.measures import MEASURES, Evidence, bootstrap, measure
from layercensus.measures.correlation import standardised
from layercensus.measures.interval import interval
from layercensus.measures.measure import Outcome
from layercensus.measures.redundant import _inverse
from layercensus.settings import Settings
from layercensus.tally import Panel, Streams

FRESH = 12
AT_A_TIME = 10  # replicates in a process
LEVELS = (0.95, 0.93, 0.90, 0.85)
Truth = Callable[[Outcome], int]  # of what was measured, since some cuts come from the sample


@dataclass(frozen=True)
class Population:
    """What is drawn; `sample` makes evidence of it, and how to say what the count should have been."""

    count: str  # the column whose interval is tried
    sample: Callable[[Population, int], tuple[Evidence, Truth]]
    pairs: int = 20
    singles: int = 20
    examples: int = 600
    around_tau: float = 0.06
    around_half: float = 0.15
    spots: int = 1


def normal(seed: int) -> Callable[..., Tensor]:
    g = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=g)


def pairs_and_singles(p: Population, seed: int) -> tuple[Evidence, Truth]:
    """Pairs of units that correlate around tau, single units whose reliability is around a half."""
    rng, draw = np.random.default_rng(seed), normal(seed)
    rho = rng.uniform(0.9 - p.around_tau, 0.9 + p.around_tau, p.pairs)
    share = rng.uniform(0.5 - p.around_half, 0.5 + p.around_half, p.singles)
    n, s = p.examples, p.spots
    common, own = torch.from_numpy(rho).float().sqrt(), torch.from_numpy(1 - rho).float().sqrt()
    latent = draw(n, s, p.pairs) * common
    twins = [latent + own * draw(n, s, p.pairs) for _ in range(2)]
    clean = torch.cat([*twins, draw(n, s, p.singles)], 2)
    back = torch.cat([torch.full((2 * p.pairs,), 0.97), torch.from_numpy(share).float()])
    pooled = clean.mean(1) * s**0.5
    a, b = (pooled * back.sqrt() + draw(*pooled.shape) * (1 - back).sqrt() for _ in range(2))
    reliable = 2 * p.pairs + int((share >= 0.5).sum())
    truth = {"distinct": reliable - int((rho >= 0.9).sum()), "reliable": reliable}
    return evidence(clean, a, b), lambda got: truth[p.count]


def mixtures(p: Population, seed: int) -> tuple[Evidence, Truth]:
    """Single units, and mixtures of three of them with a residual of around 5 %."""
    rng, draw = np.random.default_rng(seed), normal(seed)
    share = torch.from_numpy(rng.uniform(0.92, 0.98, p.pairs)).float()
    mix = torch.zeros(p.singles, p.pairs)
    for unit in range(p.pairs):
        mix[torch.from_numpy(rng.choice(p.singles, 3, replace=False)), unit] = 3**-0.5
    base, rest = draw(p.examples, p.spots, p.singles), draw(p.examples, p.spots, p.pairs)
    clean = torch.cat([base, (base @ mix) * share.sqrt() + rest * (1 - share).sqrt()], 2)
    load = torch.cat([torch.eye(p.singles), mix * share.sqrt()], 1)
    covariance = (load.T @ load).double() + torch.diag(torch.cat([torch.zeros(p.singles), 1 - share])).double()
    made = evidence(clean, clean.mean(1), clean.mean(1))

    def truth(got: Outcome) -> int:
        z = standardised(made.panel.half(0).spots.flatten(0, 1)).double()
        precision = _inverse(z.T @ z)
        filter_ = precision / precision.diagonal()
        return int((1 - (covariance @ filter_ * filter_).sum(0) >= 0.95).sum())

    return made, truth


def classes(p: Population, seed: int) -> tuple[Evidence, Truth]:
    """Units whose eta^2 lies around .1, the 95 % quantile of a twin that is given."""
    rng, draw = np.random.default_rng(seed), normal(seed)
    kinds, cut = 5, 0.1
    eta2 = torch.from_numpy(rng.uniform(0.03, 0.17, p.singles)).float()
    label = torch.arange(p.examples) % kinds
    means = draw(kinds, p.singles)
    means = (means - means.mean(0)) / means.std(0, correction=0)
    x = (means[label] * eta2.sqrt() + draw(p.examples, p.singles) * (1 - eta2).sqrt())[:, None]
    expected = eta2 + (1 - eta2) * (kinds - 1) / (p.examples - 1)
    made = replace(evidence(x, x[:, 0], x[:, 0], label), classes=kinds, twin_eta2=torch.full((20,), cut))
    return made, lambda got: int((expected > cut).sum())


def runs(p: Population, seed: int) -> tuple[Evidence, Truth]:
    """A second training run whose units correlate with the first one's by .05 to .6.

    Whether a unit is beyond chance depends on the number of examples, so the truth is the mean count in FRESH samples.
    """
    rho = torch.from_numpy(np.random.default_rng(seed).uniform(0.05, 0.6, p.singles)).float()

    def made(again: int) -> Evidence:
        draw = normal(seed * (FRESH + 1) + again)
        x = draw(p.examples, p.spots, p.singles)
        y = x * rho + draw(p.examples, p.spots, p.singles) * (1 - rho.square()).sqrt()
        return replace(evidence(x, x.mean(1), x.mean(1)), replicas=(evidence(y, y.mean(1), y.mean(1)).panel,))

    def truth(got: Outcome) -> int:
        needed = [m for m in MEASURES if m.name != "redundant"]
        return round(np.mean([measure(made(n), needed).layer["replicated"] for n in range(1, FRESH + 1)]))

    return made(0), truth


POPULATIONS = {
    "as many pairs as singles": Population("distinct", pairs_and_singles),
    "more examples": Population("distinct", pairs_and_singles, examples=2000),
    "further from the thresholds": Population("distinct", pairs_and_singles, around_tau=0.09, around_half=0.4),
    "mostly pairs": Population("distinct", pairs_and_singles, pairs=40, singles=5),
    "mostly singles": Population("distinct", pairs_and_singles, pairs=3, singles=40),
    "few units": Population("distinct", pairs_and_singles, pairs=8, singles=8),
    "four positions": Population("distinct", pairs_and_singles, spots=4),
    "units around half": Population("reliable", pairs_and_singles, pairs=3, singles=40),
    "the same, more examples": Population("reliable", pairs_and_singles, pairs=3, singles=40, examples=2000),
    "mixtures": Population("redundant", mixtures, pairs=6, singles=30),
    "mixtures, four positions": Population("redundant", mixtures, pairs=6, singles=30, spots=4),
    "units around the twin's": Population("informative", classes, singles=40),
    "the same units, more examples": Population("informative", classes, singles=40, examples=2000),
    "two runs": Population("replicated", runs, singles=40),
    "two runs, four positions": Population("replicated", runs, singles=40, spots=4),
}


def evidence(clean: Tensor, a: Tensor, b: Tensor, label: Tensor | None = None) -> Evidence:
    n, _, units = clean.shape
    key = torch.arange(n)
    streams = Streams.empty(units)
    streams.update(clean.mean(1), clean.amax(1), key)
    label = torch.full((n,), -1) if label is None else label
    panel = Panel(torch.tensor(n), key, label, clean.mean(1), clean.amax(1), a, a, b, b, clean, torch.zeros(n, 0), key)
    return Evidence(units, streams, panel, Settings(), rarefy_to=units)


@dataclass(frozen=True)
class Some:
    """Replicates of a population, of which some processes make some each."""

    name: str
    first: int
    replicates: int
    few: bool = False  # resamples, as large families get


def held(some: Some) -> Rows:
    """At each nominal level, in how many replicates the percentile interval holds the truth."""
    bootstrap.LARGE = 0 if some.few else bootstrap.LARGE
    population, hits = POPULATIONS[some.name], dict.fromkeys(LEVELS, 0)
    for seed in range(some.first, some.first + some.replicates):
        made, truth = population.sample(population, seed)
        got = measure(made, MEASURES)
        resamples = got.arrays[f"{population.count}_resamples"].numpy()
        right = truth(got)
        for level in LEVELS:
            low, high = interval(got.layer[population.count], resamples, level)
            hits[level] += bool(low <= right <= high)
    about = {"name": some.name, "count": population.count, "replicates": some.replicates}
    return [about | {f"{level:.0%}": hit for level, hit in hits.items()}]


def table(rows: Rows) -> None:
    print("| count | population | replicates | " + " | ".join(f"percentiles of {level:.0%}" for level in LEVELS) + " |")
    print("|---" * (len(LEVELS) + 3) + "|")
    for name in dict.fromkeys(row["name"] for row in rows):
        mine = [row for row in rows if row["name"] == name]
        all_ = sum(row["replicates"] for row in mine)
        shares = " | ".join(f"{sum(row[f'{level:.0%}'] for row in mine) / all_:.1%}" for level in LEVELS)
        print(f"| {mine[0]['count']} | {name} | {all_} | {shares} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--count", help="only the populations of one count, such as informative")
    parser.add_argument("--few", action="store_true", help="with the few resamples that large families get")
    options(parser)
    asked = parser.parse_args()
    names = [name for name, population in POPULATIONS.items() if asked.count in (None, population.count)]
    jobs = [
        Some(name, first, min(AT_A_TIME, asked.replicates - first), asked.few)
        for first in range(0, asked.replicates, AT_A_TIME) for name in names
    ]  # fmt: skip
    table(rows_of(asked, held, jobs))


if __name__ == "__main__":
    main()
