"""How often a planted net is found to need as many directions as its head reads, and the same for its interval.

    python benchmarks/planted_needed.py --seeds 20                    # the whole grid: hours on one core
    python benchmarks/planted_needed.py --seeds 20 --units 32 128     # minutes
    python benchmarks/planted_needed.py --smoke                       # seconds: does it run?

A head reads 1, 3, 8, 20 or 64 directions of 32, 128 or 1,024 units with equal weight; the layer is dense, a convolution
of three by three positions, or five tokens; the net runs in float32 or bfloat16. Each line: at how many of the seeds
`needed_99` is the planted number within max(1, 6 %), and which numbers were found.
"""

from __future__ import annotations

import argparse
import time
from itertools import product

import torch

import layercensus as lc
from layercensus.testing.read_directions import Planted, inputs

READ = (1, 3, 8, 20, 64)


def found(kind: str, units: int, read: int, dtype: torch.dtype, seed: int) -> int:
    """The number of directions that hold 99 % of the answers."""
    examples = 4 * units if kind == "dense" and units > 128 else 600
    net, x = Planted(kind, units, read, seed).to(dtype), inputs(kind, units, examples, seed).to(dtype)
    settings = lc.Settings(progress=False, pictures=0, resamples=20, batch=256, panel=4096)
    return int(lc.take(net, x, layers=["act"], twin=False, views=0.1, settings=settings).layers["needed_99"].iloc[0])


def main() -> None:
    """Print a line for each cell of the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--units", type=int, nargs="+", default=[32, 128, 1024])
    parser.add_argument("--kinds", nargs="+", default=["dense", "conv", "token"])
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.smoke:
        args.seeds, args.units, args.kinds = 1, [32], ["dense"]
    start, right, all_ = time.time(), 0, 0
    for kind, units, read, dtype in product(args.kinds, args.units, READ, (torch.float32, torch.bfloat16)):
        if read > units:
            continue
        numbers = [found(kind, units, read, dtype, seed) for seed in range(args.seeds)]
        held = sum(abs(number - read) <= max(1, 0.06 * read) for number in numbers)
        right, all_ = right + held, all_ + len(numbers)
        precision = str(dtype).removeprefix("torch.")
        cell = f"{kind:5s} {units:5d} units {read:3d} read {precision:8s}"
        print(f"{cell}: {held}/{len(numbers)} {sorted(set(numbers))}", flush=True)
    print(f"{right} of {all_} in {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
