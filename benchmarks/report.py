"""What a report costs: seconds to draw it, and its bytes on disk, for a net of many layers on pictures.

    python benchmarks/report.py                 # 50 layers
    python benchmarks/report.py --layers 6

The goal: 50 layers in 15 s on two cores and 20 MB. `cpu` are processor seconds, which other work changes least.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn

import layercensus as lc


class Deep(nn.Module):
    """Convolutions with ReLUs, each added to what it was given, and a head."""

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU()) for _ in range(layers)
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x.mean((2, 3)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=50)
    parser.add_argument("--width", type=int, default=16)
    given = parser.parse_args()
    torch.manual_seed(0)
    settings = lc.Settings(needed=False, other_views=False, resamples=20, twins=1, progress=False)
    net, names = Deep(given.layers, given.width), [f"blocks.{number}.1" for number in range(given.layers)]
    census = lc.take(net, torch.rand(300, 1, 8, 8), layers=names, settings=settings)
    with tempfile.TemporaryDirectory() as folder:
        started, busy = time.perf_counter(), time.process_time()
        census.report(folder)
        took, cpu = time.perf_counter() - started, time.process_time() - busy
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    print(f"{given.layers} layers: {took:.1f} s, cpu {cpu:.1f} s, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
