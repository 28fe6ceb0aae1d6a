"""How often a planted net is found to need as many directions as its head reads, and the same for its interval.

    python benchmarks/planted_needed.py --processes 16                # the whole grid, 20 seeds: hours on one core
    python benchmarks/planted_needed.py --units 32 128                # minutes
    python benchmarks/planted_needed.py --smoke                       # seconds: does it run?

A head reads 1, 3, 8, 20 or 64 directions of 32, 128 or 1,024 units with equal weight; the layer is dense, a convolution
of three by three positions, or five tokens; the net runs in float32 or bfloat16. Each line: at how many of the seeds
`needed_99` is the planted number within max(1, 6 %), and which numbers were found.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product

import torch
from workers import Rows, options, rows_of

import layercensus as lc
from layercensus.testing.read_directions import Planted, inputs

READ = (1, 3, 8, 20, 64)
DTYPES = "float32", "bfloat16"


@dataclass(frozen=True)
class Cell:
    """A line of the grid."""

    kind: str
    units: int
    read: int
    dtype: str

    def right(self, number: int) -> bool:
        return abs(number - self.read) <= max(1, 0.06 * self.read)


def found(job: tuple[Cell, int]) -> Rows:
    """The number of directions that hold 99 % of the answers. job: cell, seed."""
    cell, seed = job
    dtype, examples = getattr(torch, cell.dtype), 4 * cell.units if cell.kind == "dense" and cell.units > 128 else 600
    net = Planted(cell.kind, cell.units, cell.read, seed).to(dtype)
    x = inputs(cell.kind, cell.units, examples, seed).to(dtype)
    settings = lc.Settings(progress=False, pictures=0, resamples=20, batch=256, panel=4096)
    layer = lc.take(net, x, layers=["act"], twin=False, views=0.1, settings=settings).layers.iloc[0]
    return [{"found": int(layer["needed_99"]), "examples": examples, "status": str(layer["needed_status"])}]


def main() -> None:
    """Print a line for each cell of the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--units", type=int, nargs="+", default=[32, 128, 1024])
    parser.add_argument("--kinds", nargs="+", default=["dense", "conv", "token"])
    parser.add_argument("--smoke", action="store_true")
    options(parser)
    asked = parser.parse_args()
    if asked.smoke:
        asked.seeds, asked.units, asked.kinds = 1, [32], ["dense"]
    cells = [Cell(*cell) for cell in product(asked.kinds, asked.units, READ, DTYPES) if cell[2] <= cell[1]]
    rows = rows_of(asked, found, [(cell, seed) for seed in range(asked.seeds) for cell in cells])
    right = 0
    for cell in cells:
        numbers = [row["found"] for row in rows if row["job"].startswith(f"({cell}, ")]
        held = sum(map(cell.right, numbers))
        right += held
        name = f"{cell.kind:5s} {cell.units:5d} units {cell.read:3d} read {cell.dtype:8s}"
        print(f"{name}: {held}/{len(numbers)} {sorted(set(numbers))}")
    print(f"{right} of {len(rows)}")


if __name__ == "__main__":
    main()
