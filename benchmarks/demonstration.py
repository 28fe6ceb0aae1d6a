"""Whether the demonstration's answer is the same for other training seeds, views, panels and untrained nets.

python benchmarks/demonstration.py --seeds 10 --processes 2   # three runs each
python benchmarks/demonstration.py --seeds 1 --vary           # of one: strengths, views, panels, untrained nets
python benchmarks/demonstration.py --smoke                    # does it run?
"""

from __future__ import annotations

import argparse
from typing import Any

from workers import Rows, options, rows_of

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.data.perturb import LOUDER, NOISY, SHIFTED, jitter_of
from layercensus.data.views import Views
from layercensus.demo import RUNS, train
from layercensus.models.digits import factory

VARIED: dict[str, dict[str, Any]] = {
    "as it is": {},
    "strength .25": {"views": 0.25},
    "strength .5": {"views": 0.5},
    "strength 2": {"views": 2.0},
    "strength 4": {"views": 4.0},
    **{f"{kind} alone": {"kind": kind} for kind in (SHIFTED, LOUDER, NOISY)},
    "panel of 300": {"panel": 300},
    "panel of 600": {"panel": 600},
    "4 untrained nets": {"twins": 4},
    "8 untrained nets": {"twins": 8},
    "outputs of convolutions": {"layers": "conv*"},
}
COLUMNS = "needed", "needed_90", "needed_99", "shared", "learned"


def counted(job: tuple[int, str, int | None]) -> Rows:
    """A row of what is said of some runs. job: the first one's seed, what is varied, epochs of training or None."""
    first, name, epochs = job
    changed, trained = VARIED[name], {} if epochs is None else {"epochs": epochs}
    runs = [lc.Model(train(first + run, **trained)[0], "digits", fresh=factory) for run in range(RUNS)]
    panel, twins = changed.get("panel", 2048), changed.get("twins", 5)
    settings = lc.Settings(progress=False, pictures=0, other_views=False, panel=panel, twins=twins)
    views, data = changed.get("views"), Digits()
    if "kind" in changed:
        views = Views(*jitter_of(data, 1.0, frozenset({changed["kind"]})), threads=True)
    census = lc.take(
        runs[0], data, replicas=runs[1:], seed=first, views=views, layers=changed.get("layers"), settings=settings
    )
    hidden = census.layers[census.layers["role"] != "output"]
    counts = {column: [float(n) for n in hidden[column].astype(float)] for column in COLUMNS if column in hidden}
    lines = [f"{line.count}: {line.shape}{line.silent and ', silent: ' + line.silent}" for line in census.verdict.lines]
    return [{"first": first, "varied": name, "answer": census.verdict.answer, "lines": lines} | counts]


def table(rows: Rows) -> None:
    print("| training seeds | varied | answer | needed | learned |\n|---|---|---|---|---|")
    for row in rows:
        needed, learned = (" ".join(f"{n:.1f}".removesuffix(".0") for n in row[c]) for c in ("needed", "learned"))
        seeds = f"{row['first']}-{row['first'] + RUNS - 1}"
        print(f"| {seeds} | {row['varied']} | {row['answer']} | {needed} | {learned} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--vary", action="store_true")
    parser.add_argument("--smoke", action="store_true", help="one seed, one epoch")
    options(parser)
    asked = parser.parse_args()
    epochs = 1 if asked.smoke else None
    names = list(VARIED) if asked.vary else ["as it is"]
    seeds = range(0, RUNS * (1 if asked.smoke else asked.seeds), RUNS)
    table(rows_of(asked, counted, [(seed, name, epochs) for seed in seeds for name in names]))


if __name__ == "__main__":
    main()
