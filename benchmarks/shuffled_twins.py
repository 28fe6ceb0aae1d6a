"""Whether `learned` follows from which nets count as untrained: made by the constructor, re-initialised, or shuffled.

    python benchmarks/shuffled_twins.py                                    # three runs of the demonstration's net
    python benchmarks/shuffled_twins.py --shapes "conv, 6 layers" --runs 2 # two runs of a shape of learned_null.py
    python benchmarks/shuffled_twins.py --epochs 1 --runs 2                # does it run?

The same trained nets are counted twice: with their constructor, which then makes the untrained nets, and without it, so
that these are re-initialised copies, checked by copies whose own weights are shuffled within each tensor. Digits of
scikit-learn; means over pairs of runs. never trained: nets of the same constructor.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from learned_null import EPOCHS, SHAPES, fresh, net_of
from learned_null import Job as Run
from torch import nn
from workers import Rows, options, rows_of

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.demo import train
from layercensus.models.digits import factory
from layercensus.models.twin import calibrate

DEMONSTRATION = "demonstration"
COLUMNS = "needed", "shared", "learned", "learned_shuffled"


@dataclass(frozen=True)
class Job:
    """Runs of one net, beside untrained nets of one kind."""

    shape: str
    trained: bool
    constructor: bool  # which makes the untrained nets; else they are re-initialised copies
    first: int = 0  # seed
    runs: int = 3
    epochs: int = EPOCHS


def nets_of(job: Job) -> tuple[list[nn.Module], Callable[[int], nn.Module]]:
    """The runs, and their constructor."""
    made = factory if job.shape == DEMONSTRATION else partial(fresh, job.shape)
    seeds = range(job.first, job.first + job.runs)
    if not job.trained:
        nets = [made(1000 + seed) for seed in seeds]
        for net in nets:
            calibrate(net, Digits().images[:256].split(32))
        return [net.eval() for net in nets], made
    if job.shape != DEMONSTRATION:
        return [net_of(Run(job.shape, "trained", 0, job.epochs), seed)[0] for seed in seeds], made
    return [train(seed, epochs=job.epochs)[0] for seed in seeds], made


def counted(job: Job) -> Rows:
    """A row for each hidden layer, with what its status says of untrained nets."""
    nets, made = nets_of(job)
    settings = lc.Settings(progress=False, pictures=0, resamples=20, twins=4)
    model = lc.Model(nets[0], "net", fresh=made if job.constructor else None)
    table = lc.take(model, Digits(), replicas=nets[1:], settings=settings).layers
    rows = []
    for _, layer in table[table["role"] != "output"].iterrows():
        counts = {name: float(n) for name, n in layer[[c for c in COLUMNS if c in table]].dropna().items()}
        status = layer["status"] if "untrained" in layer["status"] else ""
        about = {"shape": job.shape, "trained": job.trained, "constructor": job.constructor, "first": job.first}
        rows.append(about | {"layer": layer["layer"], "status": status} | counts)
    return rows


def table(rows: Rows) -> None:
    """A line for each job; with shuffled weights in another."""
    print("| nets | first seed | untrained nets | needed | shared | learned |\n|---|---|---|---|---|---|")
    for job in dict.fromkeys(row["job"] for row in rows):
        some = [row for row in rows if row["job"] == job]
        row = some[0]
        name = f"{row['shape']}, {'trained' if row['trained'] else 'never trained'} | {row['first']}"
        kind = "of the constructor" if row["constructor"] else "re-initialised"
        print(f"| {name} | {kind} | {' | '.join(said(some, column) for column in COLUMNS[:3])} |")
        if not row["constructor"]:
            print(f"| {name} | own weights, shuffled | | | {said(some, 'learned_shuffled')} |")
    for row in rows:
        if row["status"]:
            print(f"\n{row['shape']}, {row['layer']}: {row['status']}")


def said(rows: Rows, column: str) -> str:
    return " ".join(f"{row[column]:.1f}".removesuffix(".0") if column in row else "-" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=(DEMONSTRATION, *SHAPES), default=(DEMONSTRATION,))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--draws", type=int, default=1, help="of so many runs each")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options(parser)
    asked = parser.parse_args()
    jobs = [
        Job(shape, trained, constructor, draw * asked.runs, asked.runs, asked.epochs)
        for draw in range(asked.draws) for shape in asked.shapes
        for trained in (True, False) for constructor in (True, False)
    ]  # fmt: skip
    table(rows_of(asked, counted, jobs))


if __name__ == "__main__":
    main()
