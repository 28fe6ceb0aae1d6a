"""Pictures a second that `images:` decodes with two workers, beside a plain DataLoader with the same decoder.

python benchmarks/decoding.py                 # crops of photographs (scikit-image), each of both ways in turn
python benchmarks/decoding.py --count 128 --turns 1
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import layercensus as lc
from layercensus.data.images import Images
from layercensus.data.picture import read_picture

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
from natural_crops import write_crops

PREPARE = lc.Prepare(size=(224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), channels=3, crop=0.875)
BATCH, WORKERS = 32, 2


class Plain(Dataset[Tensor]):
    """The same files through the same decoder, as anyone would write it."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("*.jpg"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Tensor:
        return read_picture(self.paths[row], PREPARE, 3)


def of_census(folder: Path) -> Iterator[Tensor]:
    """Batches of `images:`."""
    yield from (batch.inputs for batch in Images(str(folder), PREPARE, workers=WORKERS).batches(BATCH))


def of_loader(folder: Path) -> Iterator[Tensor]:
    """Batches of a plain DataLoader."""
    yield from DataLoader(Plain(folder), batch_size=BATCH, num_workers=WORKERS)


def seconds(batches: Iterator[Tensor], count: int) -> float:
    """How long all pictures take, from opening the folder on, until something has read every number."""
    start, read = time.perf_counter(), 0
    for batch in batches:
        read += len(batch) * bool(batch.sum().isfinite())
    assert read == count
    return time.perf_counter() - start


def main() -> None:
    """Both ways in turn, each first in every second turn; medians, and the median of the turns' ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=768)
    parser.add_argument("--turns", type=int, default=7)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    ways = (of_census, of_loader)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_crops(folder, asked.count)
        assert all(torch.equal(a, b) for a, b in zip(*(way(folder) for way in ways), strict=True))
        took = {way: [0.0] * asked.turns for way in ways}
        for turn in range(asked.turns):
            for way in ways if turn % 2 else reversed(ways):
                took[way][turn] = seconds(way(folder), asked.count)
    rates = [asked.count / statistics.median(took[way]) for way in ways]
    ratios = [plain / own for own, plain in zip(*took.values(), strict=True)]
    print(f"images: {rates[0]:.0f} pictures a second, DataLoader: {rates[1]:.0f}, with {WORKERS} workers each")
    print(f"ratio: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f} in {asked.turns} turns)")


if __name__ == "__main__":
    main()
