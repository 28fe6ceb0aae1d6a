"""Named concepts where it is known which are there: exact counts, permuted concepts, intervals, speed, widths.

    python benchmarks/named.py                 # 50 seeds of each, ten minutes on one core
    python benchmarks/named.py --only speed    # or exact, permuted, intervals
    python benchmarks/named.py --smoke         # seconds: does it run?

exact: concepts that one unit, two, or a direction of six units tell, at whole examples, at positions of maps, and with
five examples of each source. permuted: the same with the concepts of other examples, where nothing is there. intervals:
concepts that single units tell more and less clearly, so that which of them pass depends on the examples; the truth is
how many pass on 20,000 others, at the limit of this draw. speed: 1,000 concepts in 2,000 units and 2,000 examples.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from layercensus.measures import Evidence
from layercensus.measures.auc import aucs, centred_ranks, own_aucs
from layercensus.measures.concept_rows import problems
from layercensus.measures.named import named
from layercensus.measures.readable import fitted
from layercensus.testing import evidence
from layercensus.testing.planted_concepts import Told, marks_of, planted_concepts

KINDS: dict[str, Callable[[int], Evidence]] = {
    "whole examples": lambda seed: planted_concepts(Told(), seed),
    "positions of maps": lambda seed: planted_concepts(Told(), seed, examples=500, spots=4),
    "five examples a source": lambda seed: planted_concepts(Told(), seed, examples=1500, same=5),
}
GRADED = 40  # concepts of different clearness
FRESH = 20_000  # examples that say what is true


def exact(seeds: int) -> None:
    """How often the counts are those that were planted."""
    told = Told()
    units, directions = told.alone, told.alone + told.pairs + told.directions
    for kind, make in KINDS.items():
        found = [named.compute(make(seed)).layer for seed in range(seeds)]
        own = [Counter(int(layer[name]) for layer in found) for name in ("named_units", "named")]
        inside = sum(layer["named_low"] <= directions <= layer["named_high"] for layer in found)
        print(f"{kind}: named_units {units} in {own[0][units]} of {seeds} {dict(own[0])}, named {directions} in "
              f"{own[1][directions]} of {seeds} {dict(own[1])}; interval of named holds it in {inside}")  # fmt: skip


def permuted(seeds: int) -> None:
    """How many are found of concepts that are those of other examples (of other sources, where some share one)."""
    for kind, make in KINDS.items():
        units = directions = layers = 0
        for seed in range(seeds):
            whole = make(seed)
            layer = named.compute(replace(whole, marks=(replace(whole.marks[0], value=_others(whole, seed)),))).layer
            units += int(layer["named_units"])
            directions += int(layer["named"])
            layers += bool(layer["named_units"] or layer["named"])
        print(f"{kind}, permuted: {units} by units, {directions} by directions of {Told().concepts * seeds:,} "
              f"concepts; in {layers} of {seeds} layers")  # fmt: skip


def _others(whole: Evidence, seed: int) -> Tensor:
    group, value = whole.panel.group, whole.marks[0].value
    sources, which = group.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    first = torch.stack([(which == number).nonzero()[0, 0] for number in range(len(sources))])
    order = torch.randperm(len(sources), generator=torch.Generator().manual_seed(seed))
    return value[first[order][which]]


def intervals(seeds: int) -> None:
    """How often the interval holds what is true of many other examples."""
    held = dict.fromkeys(("named_units", "named"), 0)
    for seed in range(seeds):
        whole, fresh, has = _graded(seed)
        outcome = named.compute(whole)
        unit, limit = outcome.arrays["concept_unit"].long(), outcome.arrays["concept_unit_floor"]
        known = ~limit.isnan()
        auc = aucs(centred_ranks(fresh), has)
        true = int(((auc[torch.arange(GRADED), unit.clamp(min=0)] >= limit) & known).sum())
        held["named_units"] += outcome.layer["named_units_low"] <= true <= outcome.layer["named_units_high"]
        limit = outcome.arrays["concept_floor"]
        own = next(problems(whole.panel, whole.marks[0]))
        values = fitted(own.fit.x, own.fit.has, own.fit.group).scores(fresh)
        true = int(((own_aucs(centred_ranks(values), has) >= limit) & known).sum())
        held["named"] += outcome.layer["named_low"] <= true <= outcome.layer["named_high"]
    for name, times in held.items():
        print(f"interval of {name} holds the truth in {times} of {seeds} ({times / seeds:.0%})")


def _graded(seed: int) -> tuple[Evidence, Tensor, Tensor]:
    """Concept k shifts unit k by something from 0 to 1 deviation: the layer, and responses and concepts of others."""
    draw = torch.Generator().manual_seed(seed)
    shift, examples = torch.rand(GRADED, generator=draw), 800
    has = (torch.rand(examples + FRESH, GRADED, generator=draw) < 0.3).float()
    x = torch.randn(examples + FRESH, GRADED, generator=draw) + shift * has
    marks = marks_of(torch.arange(examples), has[:examples, None], torch.zeros(examples, 1, 1))
    own = x[:examples, None]
    return evidence(own, own[:, 0], own[:, 0], marks=(marks,), seed=seed), x[examples:], has[examples:]


def speed(examples: int, units: int, concepts: int) -> None:
    """Seconds for one layer."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(examples, 1, units, generator=draw).relu()
    odds = torch.rand(concepts, generator=draw) * 0.4 + 0.02
    has = (torch.rand(examples, 1, concepts, generator=draw) < odds).float()
    told = min(units, concepts) // 5
    x[:, 0, :told] += has[:, 0, :told]
    marks = marks_of(torch.arange(examples), has, torch.randn(examples, 1, min(units, 256), generator=draw))
    whole = evidence(x, x[:, 0], x[:, 0], marks=(marks,))
    began = time.perf_counter()
    layer = named.compute(whole).layer
    print(f"{concepts:,} concepts x {units:,} units x {examples:,} examples: {time.perf_counter() - began:.1f} s; "
          f"{told} planted, {layer['named_units']:.0f} by units, {layer['named']:.0f} by directions")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--only", choices=("exact", "permuted", "intervals", "speed"))
    parser.add_argument("--smoke", action="store_true")
    given = parser.parse_args()
    seeds = 1 if given.smoke else given.seeds
    for name, run in {"exact": exact, "permuted": permuted, "intervals": intervals}.items():
        if given.only in (None, name):
            run(seeds)
    if given.only in (None, "speed"):
        speed(*((200, 30, 10) if given.smoke else (2000, 2000, 1000)))


if __name__ == "__main__":
    main()
