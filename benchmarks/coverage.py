"""How often the 95 % interval of `distinct` holds the truth, for layers with correlations and reliabilities near a cut.

    python benchmarks/coverage.py --replicates 200

Every replicate draws a new population (so that no lucky arrangement decides) and a new sample from it. Pairs of units
correlate around tau = .9, single units come back around .5; the truth is the count at the population's own values.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layercensus.measures import Evidence, measure
from layercensus.measures.distinct import interval
from layercensus.settings import Settings
from layercensus.tally import Panel, Streams

LEVELS = (0.95, 0.93, 0.90, 0.85)


@dataclass(frozen=True)
class Population:
    pairs: int = 20
    singles: int = 20
    examples: int = 600
    around_tau: float = 0.06
    around_half: float = 0.15
    spots: int = 1


POPULATIONS = {
    "as many pairs as singles": Population(),
    "more examples": Population(examples=2000),
    "further from the cuts": Population(around_tau=0.09, around_half=0.4),
    "mostly pairs": Population(pairs=40, singles=5),
    "mostly singles": Population(pairs=3, singles=40),
    "few units": Population(pairs=8, singles=8),
    "four positions": Population(spots=4),
}


def sample(population: Population, seed: int) -> tuple[Evidence, int]:
    """Evidence of one layer, and how many distinct units the population holds."""
    rng, g = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    p = population
    rho = rng.uniform(0.9 - p.around_tau, 0.9 + p.around_tau, p.pairs)
    share = rng.uniform(0.5 - p.around_half, 0.5 + p.around_half, p.singles)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g)

    n, s = p.examples, p.spots
    common, own = torch.from_numpy(rho).float().sqrt(), torch.from_numpy(1 - rho).float().sqrt()
    latent = normal(n, s, p.pairs) * common
    twins = [latent + own * normal(n, s, p.pairs) for _ in range(2)]
    clean = torch.cat([*twins, normal(n, s, p.singles)], 2)
    back = torch.cat([torch.full((2 * p.pairs,), 0.97), torch.from_numpy(share).float()])
    pooled = clean.mean(1) * s**0.5
    a, b = (pooled * back.sqrt() + normal(*pooled.shape) * (1 - back).sqrt() for _ in range(2))
    truth = 2 * p.pairs - int((rho >= 0.9).sum()) + int((share >= 0.5).sum())
    return _evidence(clean, a, b), truth


def _evidence(clean: Tensor, a: Tensor, b: Tensor) -> Evidence:
    n, _, units = clean.shape
    key = torch.arange(n)
    streams = Streams.empty(units)
    streams.update(clean.mean(1), clean.amax(1), key)
    label = torch.full((n,), -1)
    panel = Panel(torch.tensor(n), key, label, clean.mean(1), clean.amax(1), a, a, b, b, clean)
    return Evidence(units, streams, panel, Settings(), rarefy_to=units)


def coverage(population: Population, replicates: int) -> dict[float, float]:
    """Share of replicates whose percentile interval at each nominal level holds the truth."""
    hits = dict.fromkeys(LEVELS, 0)
    for seed in range(replicates):
        evidence, truth = sample(population, seed)
        got = measure(evidence)
        for level in LEVELS:
            low, high = interval(got.layer["distinct"], got.arrays["distinct_resamples"].numpy(), level)
            hits[level] += low <= truth <= high
    return {level: hit / replicates for level, hit in hits.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=200)
    arguments = parser.parse_args()
    print("| population | " + " | ".join(f"percentiles of {level:.0%}" for level in LEVELS) + " |")
    print("|---" * (len(LEVELS) + 1) + "|")
    for name, population in POPULATIONS.items():
        row = coverage(population, arguments.replicates)
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in row.values()) + " |", flush=True)
