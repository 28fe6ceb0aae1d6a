"""What a watch costs, whether what is planted is flagged where it happens, and whether healthy runs are quiet.

    python benchmarks/watch.py --overhead                  # plain and watched runs in turns, at the default budget
    python benchmarks/watch.py --planted --seeds 20        # a dying layer and a collapse, each at a step of its own
    python benchmarks/watch.py --healthy --seeds 20        # no alarm is the right answer
    python benchmarks/watch.py --overhead --planted --healthy --seeds 1 --steps 40 --nets dense

Plain and watched runs take turns in this one process, on one thread, so that other work on the machine falls on both.
Added (processor): by the seconds that this process computed, which other processes hardly change. --processor lets the
budget itself count these, for a machine that is busy with other work.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.models.digits import DigitsNet
from layercensus.models.open import open_model
from layercensus.models.randomness import own_randomness

CLASSES = 10
Planted = Callable[[nn.Module, int], None]
EVERYTHING = lc.WatchOptions(panel=256, needed_every=1)


@dataclass(frozen=True)
class Training:
    """A net and how it is trained."""

    make: Callable[[], nn.Module]
    data: tuple[Tensor, Tensor]
    rate: float
    steps: int
    batch: int = 64
    hidden: str = ""  # the layer before which units are killed
    out: str = ""  # the last layer

    def run(
        self, seed: int, steps: int, planted: Callable[[nn.Module, int], None] | None = None, **watching: Any
    ) -> Any:
        """Train so many steps; the watch where `watching` says how it is watched."""
        x, y = self.data
        with own_randomness(seed):
            net = self.make().train()
            optimiser = torch.optim.Adam(net.parameters(), self.rate)
            watch = lc.watch(net, x, **watching) if watching else None
            for step in range(1, steps + 1):
                if planted is not None:
                    planted(net, step)
                rows = torch.randint(len(x), (self.batch,))
                optimiser.zero_grad()
                nn.functional.cross_entropy(net(x[rows]), y[rows], label_smoothing=0.05).backward()
                optimiser.step()
                if watch is not None:
                    watch.step(rate=self.rate)
        if watch is not None:
            watch.close()
        return watch


class Reader(nn.Module):
    """A transformer of two blocks over the rows of a digit."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.place = nn.Linear(8, 64), nn.Parameter(torch.randn(8, 64) / 8)
        block = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True, dropout=0.1)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.out = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.blocks(self.embed(x.squeeze(1)) + self.place).mean(1))


def dense() -> nn.Module:
    """Three hidden layers without normalisation."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(),
        nn.Linear(96, CLASSES),
    )  # fmt: skip


def efficientnet() -> nn.Module:
    """EfficientNet-Lite0 with ImageNet weights and a head of ten classes."""
    net: Any = open_model("efficientnet-lite:0").net
    net._fc = nn.Linear(net._fc.in_features, CLASSES)
    return net


def trainings() -> dict[str, Training]:
    """The nets that are tried, by name."""
    digits = Digits()
    labels = torch.as_tensor(np.asarray(digits.labels)).long()
    grey = digits.images
    large = nn.functional.interpolate(grey, size=(64, 64), mode="bilinear").expand(-1, 3, -1, -1) * 2 - 1
    return {
        "digits": Training(DigitsNet, (grey, labels), 3e-3, 1200, hidden="norm.3", out="out"),
        "dense": Training(dense, (grey, labels), 1e-3, 4000, hidden="3", out="7"),
        "transformer": Training(Reader, (grey, labels), 1e-3, 2000, hidden="blocks.layers.1.linear1", out="out"),
        "efficientnet": Training(efficientnet, (large, labels), 3e-4, 300, batch=16),
    }


def overhead(chosen: dict[str, Training], steps: int | None, turns: int) -> Iterator[dict[str, Any]]:
    """What a watch adds at the default budget."""
    for name, training in chosen.items():
        many = steps or training.steps
        training.run(0, 3, every=1, budget=None)  # so that imports are in neither
        seconds: dict[bool, list[float]] = {False: [], True: []}
        processor: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(turns):
            for watched in (False, True):  # the watched one last, whose account is read
                start, own = time.perf_counter(), time.process_time()
                watch = training.run(0, many, **({"every": max(1, many // 20)} if watched else {}))
                seconds[watched].append(time.perf_counter() - start)
                processor[watched].append(time.process_time() - own)
        timeline = watch.timeline
        wall, cpu = (sum(each[True]) / sum(each[False]) - 1 for each in (seconds, processor))
        yield {
            "net": name, "steps": many, "plain": f"{sum(seconds[False]) / turns:.1f} s", "added": f"{wall:.1%}",
            "added (processor)": f"{cpu:.1%}", "by its own account": f"{watch.cost:.1%}",
            "readings": len(timeline),
            "with needed": sum(any("needed" in row for row in entry.rows.values()) for entry in timeline.entries),
        }  # fmt: skip


def killed(name: str, at: int, fraction: float = 0.4) -> Planted:
    """From a step on this fraction of the units behind a module never fires."""

    def planted(net: nn.Module, step: int) -> None:
        if step >= at:
            module = net.get_submodule(name)
            with torch.no_grad():
                gone = int(fraction * len(module.weight))
                module.weight[:gone] = 0
                module.bias[:gone] = -10

    return planted


def collapsed(name: str, at: int) -> Planted:
    """From a step on all answers lie along one direction."""

    def planted(net: nn.Module, step: int) -> None:
        if step >= at:
            out = net.get_submodule(name)
            with torch.no_grad():
                out.weight[1:] = -out.weight[:1] / (CLASSES - 1)

    return planted


def planted(chosen: dict[str, Training], steps: int | None, seeds: int) -> Iterator[dict[str, Any]]:
    """In how many runs what was planted was flagged in the very interval."""
    for name, training in chosen.items():
        many = steps or 400
        every = many // 8
        for kind, plant, where in (("dying", killed, training.hidden), ("collapse", collapsed, training.out)):
            hits = others = 0
            for seed in range(seeds):
                at = int(np.random.default_rng(seed).integers(3 * every + 1, 7 * every))
                until = -(-at // every) * every
                watch = training.run(seed, many, plant(where, at), every=every, budget=None, options=EVERYTHING)
                when = {(alarm.kind, alarm.since, alarm.step) for alarm in watch.timeline.alarms}
                hits += (kind, until - every, until) in when
                others += len({step for _, _, step in when} - {until}) > 0
            yield {
                "net": name,
                "planted": kind,
                "flagged in its interval": f"{hits} of {seeds}",
                "runs with others": others,
            }


def healthy(chosen: dict[str, Training], steps: int | None, seeds: range) -> Iterator[dict[str, Any]]:
    """How many healthy runs were quiet, with everything read ten times."""
    for name, training in chosen.items():
        many = steps or 400
        alarms = [
            f"{seed}: {alarm}"
            for seed in seeds
            for alarm in training.run(seed, many, every=many // 10, budget=None, options=EVERYTHING).timeline.alarms
        ]
        quiet = len(seeds) - len({alarm.partition(":")[0] for alarm in alarms})
        yield {"net": name, "runs without an alarm": f"{quiet} of {len(seeds)}", "alarms": "; ".join(alarms)}


def show(rows: Iterator[dict[str, Any]]) -> None:
    for number, row in enumerate(rows):
        if not number:
            print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
        print("| " + " | ".join(map(str, row.values())) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for what in ("--overhead", "--planted", "--healthy"):
        parser.add_argument(what, action="store_true")
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed of healthy runs")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--steps", type=int, help="of each run; by default what each net's own training takes")
    parser.add_argument("--nets", nargs="+", default=["digits", "dense", "transformer"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.processor:
        import_module("layercensus.watch.session").perf_counter = time.process_time  # type: ignore[attr-defined]
    every = trainings()
    some = {name: every[name] for name in given.nets}
    if given.overhead:
        show(overhead(some, given.steps, given.turns))
    if given.planted:
        show(planted(some, given.steps, given.seeds))
    if given.healthy:
        show(healthy(some, given.steps, range(given.first, given.first + given.seeds)))
