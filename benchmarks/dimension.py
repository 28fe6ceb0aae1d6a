"""The nonlinear dimension: how fast beside others, what a sketch changes, and how far the estimate reaches.

python benchmarks/dimension.py --examples 2000 --coordinates 100 5000 50000   # seconds and ratios, same points
python benchmarks/dimension.py --dadapy ENV/bin/python                        # beside DADApy too, which needs numpy < 2
python benchmarks/dimension.py --delve FOLDER                                 # one pass beside delve's, installed there
python benchmarks/dimension.py --sketch FOLDER                                # EfficientNet-Lite0 on a folder of images
python benchmarks/dimension.py --interval                                     # how often it holds the expected estimate
python benchmarks/dimension.py --ceiling                                      # estimates on cubes and Gaussians
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import skdim
import torch
from torch import Tensor, nn

from layercensus import Settings
from layercensus.count.memory import kept_memory
from layercensus.count.nets import Net
from layercensus.count.read_batch import sketches_of
from layercensus.data.open import open_data
from layercensus.data.source import Source
from layercensus.layers.layer import Layer
from layercensus.layers.net import call
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.layers.tap import tap
from layercensus.measures.manifold import with_interval
from layercensus.measures.neighbours import distances, mle, twonn
from layercensus.models.open import open_model
from layercensus.tally import Sketch, reduce_output

BINS = (256, 509, 1021, 2039)  # of the sketches that are compared


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
    heads = ("examples", "coordinates", "ours, TwoNN and MLE", "scikit-dimension TwoNN", "MLE", "DADApy TwoNN",
             "faster TwoNN / ours", "estimates")  # fmt: skip
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
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


def stack() -> nn.Module:
    """VGG-11's convolutions (Simonyan & Zisserman 2015), untrained: delve overlooks convolutions with children."""
    parts: list[nn.Module] = []
    before = 3
    for width, halve in ((64, 1), (128, 1), (256, 0), (256, 1), (512, 0), (512, 1), (512, 0), (512, 1)):
        parts += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), *([nn.MaxPool2d(2)] if halve else [])]
        before = width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)).eval()


def beside_delve(folder: str, turns: int = 7) -> None:
    """Seconds of a pass: bare, with its convolutions read as a census reads them, and with delve's saturation."""
    sys.path.append(folder)
    from delve import SaturationTracker

    x = torch.randn(16, 3, 224, 224)
    net, theirs = stack(), {method: stack() for method in ("channelwise", "mean")}
    layers = [at for at in survey(net, x[:3]) if at.kind in ("Conv2d", "Linear")]
    sketches = sketches_of(Net("trained", net, tuple(layers)), False, Settings(dimension=True), 0)
    rows, draws = torch.arange(len(x)), torch.rand(len(x), Settings().spots)
    for method, other in theirs.items():
        SaturationTracker(tempfile.mkdtemp(), [], other, stats=["lsat"], conv_method=method, device="cpu", nosave=True)
    found: dict[str, list[float]] = {}

    def once(name: str, net: nn.Module) -> None:
        found.setdefault(name, []).append(seconds(lambda: net(x)))

    def read(sketched: bool) -> Callable[[Layer, Tensor], None]:
        return lambda at, x: (
            reduce_output(x, at.unit_axis, rows=rows, draws=draws, sketch=sketches.get(at.name) if sketched else None)
            and None
        )

    with torch.no_grad(), kept_memory():
        for turn in range(turns):
            once("bare", net)
            for name, sketched in (("read by a census", False), ("the same with sketches", True)):
                with tap(net, layers, read(sketched)):
                    once(name, net)
            for method, other in theirs.items():
                once(f"delve, {method}", other)
            if turn == 0:
                found.clear()  # the first turn warms up
    print(f"| {len(layers)} layers | seconds a pass | / bare |\n|---|---|---|")
    for name, took in found.items():
        ratio = np.median(np.array(took) / np.array(found["bare"]))
        print(f"| {name} | {np.median(took):.2f} | {ratio:.2f} |", flush=True)


def sketched(folder: str, examples: int = 512) -> None:
    """TwoNN on whole maps and on sketches of several sizes: EfficientNet-Lite0, and the net of the demonstration."""
    print("| layer | coordinates | exact | " + " | ".join(f"{b:,} bins" for b in BINS) + " |")
    print("|---" * (3 + len(BINS)) + "|")
    model = open_model("efficientnet-lite:0")
    of_layers(model.net, open_data(f"images:{folder}", prepare=model.prepare), examples, every=6)
    of_layers(open_model("digits").net, open_data("digits"), examples, every=1)


def of_layers(net: nn.Module, source: Source, examples: int, every: int) -> None:
    for layer in select(net, survey(net, source.first(3).for_net(net)), None)[::every]:
        maps: list[Tensor] = []
        with tap(net, [layer], lambda at, x, maps=maps: maps.append(x.movedim(at.unit_axis, -1).flatten(1).clone())):
            for batch in source.peek(examples, 32):
                call(net, batch.for_net(net))
        x = torch.cat(maps)
        exact = float(twonn(distances(x)[0]))
        short = [float(twonn(distances(Sketch(layer.name, (x.shape[1],), 1, b)(x))[0])) for b in BINS]
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


def interval(replicates: int = 200) -> None:
    """How often the interval of TwoNN holds what the estimator gives on average at this number of examples."""
    print("| points | examples | mean estimate | held by | mean width |\n|---|---|---|---|---|")
    shapes: dict[str, tuple[int, Callable[..., Tensor]]] = {
        "1-dimensional Gaussian": (1, torch.randn), "3-dimensional Gaussian": (3, torch.randn),
        "8-dimensional Gaussian": (8, torch.randn), "5-cube": (5, torch.rand),
    }  # fmt: skip
    for name, (d, draw) in shapes.items():
        for n in (300, 1000):
            found = []
            for seed in range(replicates):
                x = draw(n, d, generator=torch.Generator().manual_seed(seed))
                found.append(with_interval(distances(x, 2)[0], 200, seed))
            estimate, low, high = np.array(found).T
            held = ((low <= estimate.mean()) & (estimate.mean() <= high)).mean()
            print(f"| {name} | {n:,} | {estimate.mean():.2f} | {held:.1%} | {(high - low).mean():.2f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--coordinates", type=int, nargs="+", default=[100, 5000])
    parser.add_argument("--dadapy", metavar="PYTHON", help="the interpreter of an environment with dadapy")
    parser.add_argument("--delve", metavar="FOLDER")
    parser.add_argument("--sketch", metavar="FOLDER")
    parser.add_argument("--ceiling", action="store_true")
    parser.add_argument("--interval", action="store_true")
    arguments = parser.parse_args()
    if arguments.delve:
        beside_delve(arguments.delve)
    elif arguments.sketch:
        sketched(arguments.sketch)
    elif arguments.interval:
        interval()
    elif arguments.ceiling:
        reach()
    else:
        speed(arguments.examples, arguments.coordinates, arguments.dadapy)
