"""How the seconds of each stage grow with the number of layers.

python benchmarks/depth.py --layers 50 100 200        # nets of 8 units; --twins 1 leaves out the untrained nets

CPU seconds of this process, which other work on the machine changes least, at every depth in one run, and the exponent
of growth from the first depth to the last: 1 is linear.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import nn

import layercensus as lc

take = import_module("layercensus.take")  # the module: lc.take is its function
STAGES = ("make_plan", "count", "untrained_counts", "summarise", "top_examples")  # of lc.take
Seconds = dict[str, float]


def net_of(layers: int) -> nn.Module:
    """Linear and ReLU again and again; `layers` are counted."""
    torch.manual_seed(0)
    parts = [part for _ in range(layers - 1) for part in (nn.Linear(8, 8), nn.ReLU())]
    return nn.Sequential(*parts, nn.Linear(8, 3))


def seconds_of(layers: int, twins: int) -> Seconds:
    """CPU seconds of each stage, the page included."""
    seconds: Seconds = {}
    net, x = net_of(layers), torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    with watched(seconds), tempfile.TemporaryDirectory() as folder:
        settings = lc.Settings(twins=twins, progress=False)
        census = timed("lc.take in all", seconds, lc.take)(net, x, settings=settings)
        timed("save", seconds, census.save)(f"{folder}/census")
        timed("load", seconds, lc.load)(f"{folder}/census")
        timed("verdict", seconds, lambda: census.verdict)()
        timed("report", seconds, census.report)(f"{folder}/report")
    return seconds


@contextmanager
def watched(seconds: Seconds) -> Iterator[None]:
    """With the stages of lc.take timed, as long as this is open."""
    own = {name: getattr(take, name) for name in STAGES}
    try:
        for name, stage in own.items():
            setattr(take, name, timed(name, seconds, stage))
        yield
    finally:
        for name, stage in own.items():
            setattr(take, name, stage)


def timed(name: str, seconds: Seconds, do: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which adds its CPU seconds."""

    def doing(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return do(*args, **kwargs)
        finally:
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - start

    return doing


def main() -> None:
    """Print a row for each stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--twins", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = [seconds_of(layers, asked.twins) for layers in asked.layers]
    ratio = math.log(asked.layers[-1] / asked.layers[0]) if len(found) > 1 else math.nan
    print(f"{'stage':18}", *(f"{n:>8}" for n in asked.layers), "exponent")
    for name in found[0]:
        row = [max(seconds[name], 1e-3) for seconds in found]
        print(f"{name:18}", *(f"{s:8.2f}" for s in row), f"{math.log(row[-1] / row[0]) / ratio:8.2f}")


if __name__ == "__main__":
    main()
