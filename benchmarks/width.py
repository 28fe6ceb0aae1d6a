"""What one wide layer costs: seconds and peak memory of a census of a head of several widths, side by side.

    python benchmarks/width.py                          # 1,000 to 16,000 units, 512 examples
    python benchmarks/width.py --panel 2048 50257       # GPT-2's head

Each width runs in a process of its own. `cpu` are its processor seconds, which other work changes least; `foreseen`
the seconds of its forecast, where it made one. `beyond` is its peak memory less what the net takes and less the panel:
the budget `Settings(memory=...)` bounds it. Up to some 6,450 units matrices of all pairs of units fit into the default.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import threading
import time

import torch
from torch import nn

import layercensus as lc

WIDTHS = (1000, 2000, 4000, 8000, 16_000)
INPUTS = 64  # as many directions as the units of the head can differ in


class Peak(threading.Thread):
    """The most memory that this process holds, in bytes, from now on."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.done = resident(), threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.02):
            self.most = max(self.most, resident())


def resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def one(width: int, panel: int) -> dict[str, float | str | int]:
    """A census of a head of `width` units on `panel` examples."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(INPUTS, INPUTS), nn.ReLU(), nn.Linear(INPUTS, width, bias=False))
    x = torch.randn(panel, INPUTS)
    small = lc.Settings(progress=False, panel=panel, pictures=0)
    lc.take(nn.Sequential(nn.Linear(INPUTS, 8), nn.ReLU()), x[:32], twin=False, settings=small)  # what is loaded once
    before, peak, start, cpu = resident(), Peak(), time.perf_counter(), time.process_time()
    peak.start()
    census = lc.take(net, x, layers="2", twin=False, settings=small)
    peak.done.set()
    row = census.layers.iloc[0]
    held = 3 * 4 * panel * width  # three readings of a layer with one position, in float32
    return {
        "units": width, "seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu,
        "panel": held,
        "beyond": peak.most - before - held, "distinct": int(row.fillna(-1)["distinct"]),
        "foreseen": float(census.about.get("forecast", {}).get("seconds", 0)),
    }  # fmt: skip


def main(widths: list[int], panel: int) -> None:
    print(f"{panel:,} examples of the panel; {torch.get_num_threads()} threads; GB")
    print(
        f"{'units':>7} {'seconds':>8} {'cpu':>6} {'foreseen':>8} {'panel':>6} {'beyond':>6} {'distinct':>8}", flush=True
    )
    for width in widths:
        words = [sys.executable, "-W", "ignore", __file__, "--one", str(width), "--panel", str(panel)]
        found = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        print(
            f"{found['units']:7,} {found['seconds']:8.1f} {found['cpu']:6.1f} {found['foreseen'] or '< 60':>8} "
            f"{found['panel'] / 1e9:6.2f} {found['beyond'] / 1e9:6.2f} {found['distinct']:8,}", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("widths", type=int, nargs="*", default=WIDTHS)
    parser.add_argument("--panel", type=int, default=512)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one, arguments.panel)))
    else:
        main(list(arguments.widths), arguments.panel)
