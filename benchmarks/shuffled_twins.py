"""Whether `learned` follows from which nets count as untrained: made by the constructor, re-initialised, or shuffled.

    python benchmarks/shuffled_twins.py                          # three runs of the demonstration's net
    python benchmarks/shuffled_twins.py --shape "conv, 6 layers" # two runs of a shape of learned_null.py
    python benchmarks/shuffled_twins.py --epochs 1 --runs 2      # does it run?

The same trained nets are counted twice: with their constructor, which then makes the untrained nets, and without it, so
that these are re-initialised copies, checked by copies whose own weights are shuffled within each tensor. Digits of
scikit-learn; means over pairs of runs. never trained: nets of the same constructor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from learned_null import EPOCHS, SHAPES, Job, fresh, net_of
from torch import nn

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.demo import train
from layercensus.models.digits import factory
from layercensus.models.twin import calibrate


def nets_of(asked: argparse.Namespace, trained: bool) -> tuple[list[nn.Module], Callable[[int], nn.Module]]:
    """The runs, and their constructor."""
    made = partial(fresh, asked.shape) if asked.shape else factory
    if not trained:
        nets = [made(1000 + seed) for seed in range(asked.runs)]
        for net in nets:
            calibrate(net, Digits().images[:256].split(32))
        return [net.eval() for net in nets], made
    if asked.shape:
        return [net_of(Job(asked.shape, "trained", 0, asked.epochs), seed)[0] for seed in range(asked.runs)], made
    return [train(seed, epochs=asked.epochs)[0] for seed in range(asked.runs)], made


def counted(nets: Sequence[nn.Module], made: Callable[[int], nn.Module] | None, columns: Sequence[str]) -> list[str]:
    """Of each column its value in every hidden layer; what layers say of untrained nets is printed."""
    settings = lc.Settings(progress=False, pictures=0, resamples=20, twins=4)
    model = lc.Model(nets[0], "net", fresh=made)
    table = lc.take(model, Digits(), replicas=list(nets[1:]), settings=settings).layers
    hidden = table[table["role"] != "output"]
    for layer, status in zip(hidden["layer"], hidden["status"], strict=True):
        if "untrained" in status:
            print(f"{layer}: {status}")
    return [" ".join(number(n) for n in hidden[c].astype(float)) for c in columns]


def number(n: float) -> str:
    return "-" if n != n else f"{n:.1f}".removesuffix(".0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, help="by default the demonstration's net")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    start = time.time()
    print("| nets | untrained nets | needed | shared | learned |\n|---|---|---|---|---|")
    for trained in (True, False):
        nets, made = nets_of(asked, trained)
        name = "trained" if trained else "never trained"
        known = counted(nets, made, ("needed", "shared", "learned"))
        again, shuffled = counted(nets, None, ("learned", "learned_shuffled"))
        print(f"| {name} | of the constructor | {' | '.join(known)} |")
        print(
            f"| {name} | re-initialised | | | {again} |\n| {name} | own weights, shuffled | | | {shuffled} |",
            flush=True,
        )
    print(f"{time.time() - start:.0f} s on one thread, of which {time.process_time():.0f} s of a processor")


if __name__ == "__main__":
    main()
