"""Does a count follow the width? Six convolutions of several widths, trained here, a few runs of each.

    python benchmarks/width_law.py --out digits.json                # digits, widths 16 to 256, three runs of each
    python benchmarks/width_law.py --data mnist fashion --device cuda --processes 16 --out larger.json
    python benchmarks/width_law.py --read digits.json               # the tables of an earlier run
    python benchmarks/width_law.py --smoke                          # a minute: does it run?

Every run is counted; the first one of each width also beside untrained nets and with the others as replicas, so that it
is known what they share and learned. digits: 8 x 8, trained on four fifths, counted on all 1,797. mnist: 14 x 14,
trained on 3,000 of 5,000 and counted on the others. fashion: clothes of 14 x 14, trained on 6,000 of Fashion-MNIST's
60,000 training images and counted on 2,000 others. --device: where nets are trained; they are counted on the CPU.
shuffled: trained, without augmentation, on labels that were permuted once for all runs; shuffled apart: permuted for
each run anew; frozen (only where asked for): trained, but for the first two convolutions and norms, which stay as they
were drawn. Printed for each kind: the counts, then the slope of log count on log width from width 32 on, and how far a
run lies from the mean of the runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from workers import Rows, options, rows_of

import layercensus as lc
from layercensus.data.digits import Digits, split
from layercensus.data.handwriting import CLOTHES_AT, clothes, clothes_labels
from layercensus.data.handwriting import digits as mnist
from layercensus.models.digits import BATCH, factory
from layercensus.models.twin import calibrate

WIDTHS = (16, 32, 64, 128, 256)
KINDS = ("trained", "untrained", "shuffled", "shuffled apart", "frozen")
FROZEN = 2  # convolutions that stay as they were drawn, with their norms
COUNTS = ("needed", "distinct", "shared", "learned")
SLOPES = ("needed", "needed_90", "needed_99", *COUNTS[1:])
KEPT = (
    "units", "distinct", "needed", "needed_low", "needed_high", "needed_90", "needed_99", "needed_status", "shared",
    "learned", "learned_low", "learned_high", "learned_held", "permuted_learned", "untrained_r2", "twin_needed",
    "twin_learned", "twin_distinct",
)  # fmt: skip
FROM, STEEPEST, APART = 32, 0.15, 0.15  # width from which the law is asked for, slope, fraction of the mean


@dataclass(frozen=True)
class Job:
    """All runs of one kind and width, of which the first is counted beside the others; or another run alone."""

    kind: str
    width: int
    data: str = "digits"
    runs: int = 3
    epochs: int = 20
    device: str = "cpu"  # where they are trained
    run: int = 0
    folder: str = str(CLOTHES_AT)


@dataclass(frozen=True)
class Images:
    """What is trained on, held out, and counted."""

    images: Tensor  # (examples, 1, side, side) float32 in 0..1
    labels: Tensor  # (examples,) int64
    training: Tensor  # (rows,) int64
    held_out: Tensor  # (rows,) int64
    counted: Tensor  # (rows,) int64


def images_of(data: str, folder: str) -> Images:
    if data == "digits":
        digits = Digits()
        return Images(digits.images, torch.as_tensor(digits.labels), *split(), torch.arange(len(digits.images)))
    images, labels = mnist() if data == "mnist" else _clothes(folder)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    training, others = (order[:3000], order[3000:]) if data == "mnist" else (order[:6000], order[6000:8000])
    return Images(nn.functional.avg_pool2d(images, 2), labels, training, others, others)


def _clothes(folder: str) -> tuple[Tensor, Tensor]:
    images = clothes(folder)
    assert images is not None
    return images, clothes_labels(folder)


def run_of(job: Job, seed: int, data: Images) -> tuple[nn.Module, float]:
    """A net and its accuracy: on held-out images, of shuffled labels on those that it was trained on."""
    net = factory(seed, (job.width,) * 6).to(job.device)
    if job.kind == "untrained":
        calibrate(net, data.images[data.training[:256]].to(job.device).split(32))
        return net.eval(), accuracy(net, data, data.held_out)
    if job.kind == "frozen":
        for part in (*net.conv[:FROZEN], *net.norm[:FROZEN]):  # type: ignore[index]
            part.requires_grad_(False)
    if job.kind in ("trained", "frozen"):
        return trained(net, seed, data, job, data.held_out)
    rng = torch.Generator().manual_seed(seed if job.kind == "shuffled apart" else 0)
    labels = data.labels[torch.randperm(len(data.labels), generator=rng)]
    return trained(net, seed, replace(data, labels=labels), replace(job, epochs=3 * job.epochs), data.training)


def trained(net: nn.Module, seed: int, data: Images, job: Job, judged: Tensor) -> tuple[nn.Module, float]:
    """Adam with a one-cycle rate, as the demonstration's net; shifts and smoothing only where labels are true."""
    rng, real = torch.Generator().manual_seed(seed), not job.kind.startswith("shuffled")
    steps = len(data.training) // BATCH
    optimiser = torch.optim.Adam([each for each in net.parameters() if each.requires_grad], 3e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=job.epochs * steps)
    images, labels = data.images.to(job.device), data.labels.to(job.device)
    for _ in range(job.epochs):
        order = data.training[torch.randperm(len(data.training), generator=rng)].to(job.device)
        for chosen in order.split(BATCH)[:steps]:
            optimiser.zero_grad()
            logits = net(shifted(images[chosen], rng) if real else images[chosen])
            smoothing = 0.05 if real else 0.0
            nn.functional.cross_entropy(logits, labels[chosen], label_smoothing=smoothing).backward()
            optimiser.step()
            rate.step()
    return net.eval(), accuracy(net.eval(), data, judged)


def shifted(x: Tensor, rng: torch.Generator) -> Tensor:
    """The batch moved by up to one pixel either way."""
    down, right = (int(v) for v in torch.randint(0, 3, (2,), generator=rng))
    side = x.shape[-1]
    return nn.functional.pad(x, (1, 1, 1, 1))[:, :, down : down + side, right : right + side]


@torch.inference_mode()
def accuracy(net: nn.Module, data: Images, rows: Tensor) -> float:
    device = next(net.parameters()).device
    predicted = torch.cat([net(data.images[part].to(device)).argmax(1).cpu() for part in rows.split(256)])
    return float((predicted == data.labels[rows]).double().mean())


def count(job: Job) -> Rows:
    """Train the runs and count one: a row for each layer."""
    start, data = time.perf_counter(), images_of(job.data, job.folder)
    seeds = [job.run] if job.run else range(job.runs)
    nets, right = zip(*(run_of(job, seed, data) for seed in seeds), strict=True)
    models = [lc.Model(net.cpu(), "six convolutions", fresh=partial(_fresh, job.width)) for net in nets]
    training, start = time.perf_counter() - start, time.perf_counter()
    census = lc.take(
        models[0], data.images[data.counted], labels=data.labels[data.counted], twin=len(models) > 1,
        replicas=models[1:], settings=lc.Settings(progress=False, pictures=0, other_views=False, twins=4),
    )  # fmt: skip
    about = {"data": job.data, "kind": job.kind, "width": job.width, "run": job.run, "accuracy": right[0]}
    about |= {"device": job.device, "training": training, "counting": time.perf_counter() - start}
    table = census.layers[census.layers["role"] == "neurons"]
    rows = []
    for _, layer in table.iterrows():
        kept = layer[[name for name in KEPT if name in table]].dropna()
        counts = {name: value if isinstance(value, str) else float(value) for name, value in kept.items()}
        rows.append(about | {"layer": layer["layer"]} | counts)
    return rows


def _fresh(width: int, seed: int) -> nn.Module:
    return factory(seed, (width,) * 6)


def tables(rows: Rows) -> None:
    for data in dict.fromkeys(row["data"] for row in rows):
        for kind in KINDS:
            some = [row for row in rows if (row["data"], row["kind"]) == (data, kind)]
            if some:
                print(f"\n{data}, {kind}\n")
                table(some)


def table(rows: Rows) -> None:
    """Counts by width, one number for each layer in the order of the forward pass, and what follows from them."""
    layers = list(dict.fromkeys(row["layer"] for row in rows))
    widths = sorted({row["width"] for row in rows})
    print("| width | accuracy | " + " | ".join(COUNTS) + " |\n" + "|---" * (2 + len(COUNTS)) + "|")
    for width in widths:
        right = {row["run"]: row["accuracy"] for row in rows if row["width"] == width}.values()
        cells = [" ".join(said(mean_of(rows, count, width, layer)) for layer in layers) for count in COUNTS]
        print(f"| {width} | {' '.join(f'{r:.1%}' for r in right)} | {' | '.join(cells)} |")
    wide = [width for width in widths if width >= FROM]
    rest = " |" * (len(COUNTS) - 1)
    for name in SLOPES if len(wide) > 1 else ():
        slopes = [slope(wide, [mean_of(rows, name, w, layer) for w in wide]) for layer in layers]
        print(f"| slope of {name} | | {' '.join(said(s, '+.2f') for s in slopes)} |" + rest)
    for name in COUNTS[:2]:
        apart = [max(distance(rows, name, width, layer) for width in widths) for layer in layers]
        print(f"| farthest run, {name} | | {' '.join(f'{a:.0%}' for a in apart)} |" + rest)
    failing(rows, layers, wide)


def failing(rows: Rows, layers: Sequence[str], wide: Sequence[int]) -> None:
    """In words, where the law does not hold."""
    slopes = {layer: slope(wide, [mean_of(rows, "needed", w, layer) for w in wide]) for layer in layers}
    steep = [f"{layer} ({s:+.2f})" for layer, s in slopes.items() if not s < STEEPEST]
    if len(wide) > 1:
        print(f"\nneeded grows with the width by a power of {STEEPEST} or more in: {', '.join(steep) or 'no layer'}.")
    every = [(w, layer, distance(rows, "needed", w, layer)) for w in wide for layer in layers]
    apart = [f"{layer} at {w} ({d:.0%})" for w, layer, d in every if d > APART]
    print(f"A run lies more than {APART:.0%} from the mean of the runs in {len(apart)} of {len(every)}: "
          f"{', '.join(apart) or 'none'}.")  # fmt: skip


def values(rows: Rows, name: str, width: int, layer: str) -> list[float]:
    return [row[name] for row in rows if (row["width"], row["layer"]) == (width, layer) and name in row]


def mean_of(rows: Rows, name: str, width: int, layer: str) -> float:
    found = values(rows, name, width, layer)
    return sum(found) / len(found) if found else float("nan")


def distance(rows: Rows, name: str, width: int, layer: str) -> float:
    """Of the run that is farthest from the mean of the runs, as a fraction of that."""
    found, mean = values(rows, name, width, layer), mean_of(rows, name, width, layer)
    return max((abs(value - mean) / mean for value in found if mean), default=0.0)


def slope(widths: Sequence[int], counts: Sequence[float]) -> float:
    """Of log count on log width by least squares, over the widths with a count; nan where one is 0."""
    known = [(width, number) for width, number in zip(widths, counts, strict=True) if number == number]
    if len(known) < 2 or not all(number > 0 for _, number in known):
        return float("nan")
    return float(np.polyfit(*np.log(np.array(known)).T, 1)[0])


def said(value: float, form: str = ".1f") -> str:
    return "-" if value != value else f"{value:{form}}".removesuffix(".0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=("digits", "mnist", "fashion"), default=("digits",))
    parser.add_argument("--folder", type=Path, default=CLOTHES_AT, help="of Fashion-MNIST's files")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS[:-1])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--smoke", action="store_true", help="two runs of two narrow widths for one epoch")
    options(parser)
    asked = parser.parse_args()
    if asked.smoke:
        asked.widths, asked.kinds, asked.runs, asked.epochs = (8, 32), ("trained", "untrained"), 2, 1
    jobs = [
        Job(kind, width, data, asked.runs, asked.epochs, asked.device, run, str(asked.folder))
        for kind in asked.kinds for width in sorted(asked.widths, reverse=True) for data in asked.data
        for run in range(asked.runs)
    ]  # fmt: skip
    tables(rows_of(asked, count, jobs))


if __name__ == "__main__":
    main()
