"""The nonlinear dimension: how fast beside others, what a sketch changes, and how far the estimate reaches.

python benchmarks/dimension.py --examples 2000 --coordinates 100 5000 50000   # seconds and ratios, same points
python benchmarks/dimension.py --dadapy ENV/bin/python                        # beside DADApy too, which needs numpy < 2
python benchmarks/dimension.py --sketch FOLDER                                # EfficientNet-Lite0 on a folder of images
python benchmarks/dimension.py --ceiling                                      # estimates on cubes and Gaussians
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable

import numpy as np
import skdim
import torch
from torch import Tensor

from layercensus.data.open import open_data
from layercensus.measures.neighbours import distances, mle, twonn
from layercensus.models.layers import call, select, survey
from layercensus.models.open import open_model
from layercensus.tally import Sketch
from layercensus.tap import tap


def bent(examples: int, coordinates: int, seed: int = 0) -> Tensor:
    """A ten-dimensional surface in many coordinates: (examples, coordinates) float32."""
    g = torch.Generator().manual_seed(seed)
    flat = torch.randn(examples, 10, generator=g)
    return torch.relu(flat @ torch.randn(10, coordinates, generator=g) + 0.5)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ours(x: Tensor) -> tuple[float, float]:
    """TwoNN and MLE, the sketch included."""
    short = Sketch("benchmark", (x.shape[1],), 1)(x)
    r, _ = distances(short, 20)
    return float(twonn(r)), mle(r)


DADAPY = """
import sys, time, numpy, dadapy
data = dadapy.Data(numpy.load(sys.argv[1]).astype("float64"), verbose=False)
start = time.perf_counter()
data.compute_distances(maxk=20)
found = data.compute_id_2NN()[0]
print(time.perf_counter() - start, found)
"""


def dadapy(python: str, x: Tensor) -> tuple[float, float]:
    """Seconds and TwoNN of DADApy in its own environment, the same points."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, x.numpy())
        run = subprocess.run([python, "-c", DADAPY, file.name], capture_output=True, text=True, check=True)
    took, found = run.stdout.split()[-2:]
    return float(took), float(found)


def speed(examples: int, coordinates: list[int], python: str | None) -> None:
    print("| examples | coordinates | ours, TwoNN and MLE | scikit-dimension TwoNN | MLE | DADApy TwoNN | faster TwoNN / ours "
          "| estimates |")  # fmt: skip
    print("|---" * 8 + "|")
    skdim.id.TwoNN().fit(np.random.default_rng(0).random((50, 3)))  # compiles
    for d in coordinates:
        x = bent(examples, d)
        ours(x[:100])
        got = ours(x)
        mine = min(seconds(lambda x=x: ours(x)) for _ in range(2))
        plain, their_twonn, their_mle = x.double().numpy(), skdim.id.TwoNN(), skdim.id.MLE()
        first = seconds(lambda p=plain, e=their_twonn: e.fit(p))
        second = seconds(lambda p=plain, e=their_mle: e.fit(p))
        third, found = dadapy(python, x) if python else (float("nan"), float("nan"))
        print(
            f"| {examples:,} | {d:,} | {mine:.2f} s | {first:.2f} s | {second:.2f} s | {third:.2f} s "
            f"| {np.nanmin([first, third]) / mine:.1f} | {got[0]:.2f}, {got[1]:.2f}; {their_twonn.dimension_:.2f}, "
            f"{their_mle.dimension_:.2f}; {found:.2f} |",
            flush=True,
        )


def sketched(folder: str, examples: int = 300) -> None:
    """TwoNN on whole maps and on sketches of several sizes, every sixth default layer."""
    model = open_model("efficientnet-lite:0")
    source = open_data(f"images:{folder}", prepare=model.prepare)
    net = model.net
    layers = select(net, survey(net, source.first(3).for_net(net)), None)[::6]
    bins = (256, 509, 1021, 2039)
    print("| layer | coordinates | exact | " + " | ".join(f"{b} bins" for b in bins) + " |")
    print("|---" * (3 + len(bins)) + "|")
    for layer in layers:
        maps: list[Tensor] = []
        with tap(
            net,
            [layer],
            lambda _, x, maps=maps, axis=layer.unit_axis: maps.append(x.movedim(axis, -1).flatten(1).clone()),
        ):
            for batch in source.peek(examples, 32):
                call(net, batch.for_net(net))
        x = torch.cat(maps)
        exact = float(twonn(distances(x)[0]))
        short = [float(twonn(distances(Sketch(layer.name, (x.shape[1],), 1, b)(x))[0])) for b in bins]
        cells = " | ".join(f"{v:.2f} ({v / exact - 1:+.1%})" for v in short)
        print(f"| {layer.name} | {x.shape[1]:,} | {exact:.2f} | {cells} |", flush=True)


def reach() -> None:
    print(
        "| examples | " + " | ".join(f"{d}-cube, Gaussian" for d in (4, 8, 12, 16, 20, 30)) + " |\n" + "|---" * 7 + "|"
    )
    for n in (200, 500, 1000, 2000):
        cells = []
        for d in (4, 8, 12, 16, 20, 30):
            found = []
            for seed in range(5):
                g = torch.Generator().manual_seed(seed)
                both = torch.rand(n, d, generator=g), torch.randn(n, d, generator=g)
                found.append([float(twonn(distances(x)[0])) for x in both])
            cube, normal = np.mean(found, axis=0)
            cells.append(f"{cube:.1f}, {normal:.1f}")
        print(f"| {n} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--coordinates", type=int, nargs="+", default=[100, 5000])
    parser.add_argument("--dadapy", metavar="PYTHON", help="the interpreter of an environment with dadapy")
    parser.add_argument("--sketch", metavar="FOLDER")
    parser.add_argument("--ceiling", action="store_true")
    arguments = parser.parse_args()
    if arguments.sketch:
        sketched(arguments.sketch)
    elif arguments.ceiling:
        reach()
    else:
        speed(arguments.examples, arguments.coordinates, arguments.dadapy)
