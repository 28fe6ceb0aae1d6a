"""What a census costs beside the bare forward passes that it makes itself, and whether its memory grows with the data.

    python benchmarks/overhead.py                 # ratios on EfficientNet-Lite0, 224 x 224
    python benchmarks/overhead.py --memory        # peak memory at 512 and 5,120 images of 96 x 96, in a process each

Every ratio is of two times measured in this run, in turns, so that other work on the machine falls on both.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.count.memory import kept_memory
from layercensus.layers.memory_format import memory_format, pick_format
from layercensus.layers.modes import evaluating
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.models.open import open_model


def images(count: int, side: int) -> Tensor:
    """Smooth random pictures, (count, 3, side, side)."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.standard_normal((count, 3, side // 16, side // 16), dtype=np.float32))
    return nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")


def bare(net: nn.Module, x: Tensor, batch: int, name: str, passes: int) -> float:
    """Seconds of `passes` forward passes over x, nothing else."""
    start = time.perf_counter()
    with memory_format(net, name), evaluating(net):
        for _ in range(passes):
            for part in x.split(batch):
                net(part)
    return time.perf_counter() - start


def stored(net: nn.Module, x: Tensor, batch: int, name: str) -> float:
    """Seconds of one pass that keeps every default layer's output and reduces it to mean and maximum afterwards."""
    layers = select(net, survey(net, x[:3]), None)
    kept: list[Tensor] = []
    modules = dict(net.named_modules())
    start = time.perf_counter()
    with memory_format(net, name), evaluating(net) as stack:
        for layer in {layer.module for layer in layers}:
            stack.callback(modules[layer].register_forward_hook(lambda m, i, o: kept.append(o.clone())).remove)
        for part in x.split(batch):
            net(part)
            for out in kept:
                rows = out.movedim(1, -1).reshape(-1, out.shape[1]) if out.ndim == 4 else out
                rows.mean(0), rows.topk(min(9, len(rows)), dim=0)
            kept.clear()
    return time.perf_counter() - start


def cost(count: int, turns: int) -> None:
    model = open_model("efficientnet-lite:0")
    x = images(count, 224)
    name, seconds = pick_format(model.net, x[:32])
    print(f"memory format: {name} {seconds}")
    own: dict[str, list[float]] = {"counts alone": [], "with dimensions": []}
    plain: dict[str, list[float]] = {kind: [] for kind in own}
    for turn in range(turns):
        unkept = float(fresh("--bare", name, "--count", str(count)))
        with kept_memory():
            before = bare(model.net, x, 32, name, 3)
        taken = {}
        for kind in own:
            settings = lc.Settings(
                needed=False, progress=False, memory_format=name, dimension=kind != "counts alone", pictures=0
            )
            start = time.perf_counter()
            lc.take(model, x, twin=False, settings=settings)
            taken[kind] = time.perf_counter() - start
        with kept_memory():
            after = bare(model.net, x, 32, name, 3)
        for kind, seconds in taken.items():
            own[kind].append(seconds / ((before + after) / 2))
            plain[kind].append(seconds / unkept)
            print(f"turn {turn}, {kind}: {seconds:.1f} s")
        print(
            f"turn {turn}, their {3 * count} bare forward passes: {unkept:.1f} s as PyTorch runs them, "
            f"{before:.1f} and {after:.1f} s with freed memory kept, as the census does",
            flush=True,
        )
    for kind in own:
        print(
            f"census / bare forward passes, {kind}: median of {turns} turns {np.median(plain[kind]):.2f}; "
            f"with freed memory kept in both {np.median(own[kind]):.2f}"
        )
    small = x[: min(64, count)]
    one = bare(model.net, small, 16, name, 1)
    print(
        "storing every output and sorting all positions afterwards / one bare pass: "
        f"{stored(model.net, small, 16, name) / one:.1f}"
    )


def fresh(*arguments: str) -> str:
    """What this file prints last in a process of its own, whose memory no census has touched."""
    run = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    return run.stdout.split()[-1]


def peak(count: int) -> None:
    """A census of `count` images; prints this process's peak memory in MB."""
    batches = [images(64, 96) for _ in range(2)]
    stream = (batches[n % 2] + n for n in range(count // 64))
    lc.take(open_model("efficientnet-lite:0"), stream, settings=lc.Settings(needed=False, progress=False, panel=512))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def memory() -> None:
    found = []
    for count in (512, 5120):
        found.append(float(fresh("--peak", str(count))))
        print(f"{count} images: peak {found[-1]:.0f} MB", flush=True)
    print(f"growth of the peak: {found[1] / found[0] - 1:+.1%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        peak(arguments.peak)
    elif arguments.bare:
        print(bare(open_model("efficientnet-lite:0").net, images(arguments.count, 224), 32, arguments.bare, 3))
    elif arguments.memory:
        memory()
    else:
        cost(arguments.count, arguments.turns)
