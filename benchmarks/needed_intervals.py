"""How often the 95 % interval of `needed` holds the number of all the examples that there are.

    python benchmarks/needed_intervals.py --processes 2   # 200 draws of each line
    python benchmarks/needed_intervals.py --draws 5       # does it run?

Held-out examples are drawn from 20,000 whose number of needed directions is known, for answers of three laws and for
spectra that fall fast (few directions) or slowly (many). number: draws in which [needed_low, needed_high] holds it;
width: how many directions that is wide on average; loss: draws in which the interval of the loss itself, with the true
number of directions kept, holds the true loss. Whole numbers are wider than they need be, the more so the fewer.
"""

from __future__ import annotations

import argparse
from itertools import product

from workers import Rows, options, rows_of

from layercensus.testing.held_out_draws import KINDS, Pool, loss_held, number_held

SPECTRA = ((20, 0.8), (40, 0.96), (200, 0.995))  # directions, and by how much each is smaller than the one before


def held(job: tuple[str, int, float, int, int]) -> Rows:
    """job: kind of answers, directions, how fast they fall, held-out examples, draws."""
    kind, directions, fall, held_out, draws = job
    pool = Pool.of(kind, directions, fall)
    number, width = number_held(pool, held_out, draws)
    loss = loss_held(pool, held_out, draws, pool.needed)
    about = {"answers": kind, "directions": directions, "needed": pool.needed, "held out": held_out}
    return [about | {"number": number, "width": width, "loss": loss}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--held-out", type=int, nargs="+", default=[64, 128])
    options(parser)
    asked = parser.parse_args()
    jobs = [(kind, *spectrum, n, asked.draws) for n in asked.held_out for kind, spectrum in product(KINDS, SPECTRA)]
    rows = rows_of(asked, held, jobs[::-1])  # the longest first
    print("| answers | directions | needed | held out | number | width | loss |\n|---|---|---|---|---|---|---|")
    for row in rows[::-1]:
        cells = (row[name] for name in ("answers", "directions", "needed", "held out"))
        print(f"| {' | '.join(map(str, cells))} | {row['number']:.1%} | {row['width']:.1f} | {row['loss']:.1%} |")


if __name__ == "__main__":
    main()
