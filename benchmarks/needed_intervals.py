"""How often the 95 % interval of `needed` holds the number of all the examples that there are.

    python benchmarks/needed_intervals.py            # 200 draws of each line
    python benchmarks/needed_intervals.py --draws 5  # does it run?

Held-out examples are drawn from 20,000 whose number of needed directions is known, for answers of three laws and for
spectra that fall fast (few directions) or slowly (many). number: draws in which [needed_low, needed_high] holds it;
width: how many directions that is wide on average; loss: draws in which the interval of the loss itself, with the true
number of directions kept, holds the true loss. Whole numbers are wider than they need be, the more so the fewer.
"""

from __future__ import annotations

import argparse
import time
from itertools import product

import torch

from layercensus.testing.held_out_draws import KINDS, Pool, loss_held, number_held

SPECTRA = ((20, 0.8), (40, 0.96), (200, 0.995))  # directions, and by how much each is smaller than the one before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--held-out", type=int, nargs="+", default=[64, 128])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    start = time.time()
    print("| answers | directions | needed | held out | number | width | loss |\n|---|---|---|---|---|---|---|")
    for kind, (directions, fall) in product(KINDS, SPECTRA):
        pool = Pool.of(kind, directions, fall)
        for held_out in asked.held_out:
            held, width = number_held(pool, held_out, asked.draws)
            loss = loss_held(pool, held_out, asked.draws, pool.needed)
            cells = kind, directions, pool.needed, held_out, f"{held:.1%}", f"{width:.1f}", f"{loss:.1%}"
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print(f"{asked.draws} draws each; {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
