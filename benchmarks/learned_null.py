"""How many directions two nets are said to have learned, where there was nothing to learn: it must be none.

    python benchmarks/learned_null.py --processes 16 --out null.json     # eight shapes, 20 seeds, and trained controls
    python benchmarks/learned_null.py --read null.json                   # the tables of an earlier run
    python benchmarks/learned_null.py --smoke                            # a minute: does it run?

Every net is counted with another one of its kind as replica, on scikit-learn's digits, beside seven further untrained
nets that are regressed out. untrained: both by the same constructor, which also makes the seven. re-drawn: the same
where only the net is given, so that the seven are re-initialised copies of it. shuffled: both trained on labels that
were permuted once; shuffled apart: each on its own permutation. noise: both trained on the digits and shown uniform
noise. trained: the same two on the digits, where there is something to find.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from workers import Rows, options, rows_of

import layercensus as lc
from layercensus.data.digits import Digits, split
from layercensus.models.twin import calibrate

KINDS = ("untrained", "re-drawn", "shuffled", "shuffled apart", "noise", "trained")
ONCE_MORE = 1000  # between the seeds of the two nets
EPOCHS = 20
SETTINGS = lc.Settings(progress=False, pictures=0, twins=4, resamples=60, other_views=False)


class Residual(nn.Module):
    """Two convolutions beside the stream."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        self.acts = nn.ModuleList(nn.ReLU() for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(self.acts[0](self.norms[0](self.first(x))))
        return self.acts[1](x + self.norms[1](inner))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Six blocks over 16 patches of 2 x 2 pixels; the answer is read from the mean token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, width, 2, stride=2)
        self.position = nn.Parameter(0.02 * torch.randn(16, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(6)
        )
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x).mean(1))  # type: ignore[no-any-return]


def dense(layers: int, width: int) -> nn.Module:
    wide = [64] + [width] * layers
    parts = [part for a, b in pairwise(wide) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *parts, nn.Linear(width, 10))


def conv(layers: int, width: int, norm: bool) -> nn.Module:
    parts: list[nn.Module] = []
    for number in range(layers):
        parts += [nn.Conv2d(width if number else 1, width, 3, padding=1, bias=not norm)]
        parts += [nn.BatchNorm2d(width)] * norm + [nn.ReLU()] + [nn.MaxPool2d(2)] * (number in (1, 3))
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def residual(width: int) -> nn.Module:
    stem = [nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    blocks = [Residual(width) for _ in range(5)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


SHAPES: dict[str, tuple[Callable[[], nn.Module], bool]] = {  # how it is made, and whether Kaiming's normal draws it
    "dense, 6 layers": (partial(dense, 6, 64), False),
    "dense, 12 layers, Kaiming": (partial(dense, 12, 64), True),
    "conv, 6 layers": (partial(conv, 6, 32, False), False),
    "conv, 8 layers, Kaiming": (partial(conv, 8, 32, False), True),
    "conv and norm, 6 layers": (partial(conv, 6, 32, True), False),
    "conv and norm, 10 layers, Kaiming": (partial(conv, 10, 32, True), True),
    "residual, 11 layers": (partial(residual, 32), False),
    "transformer, 6 blocks": (partial(Transformer, 32), False),
}


@dataclass(frozen=True)
class Job:
    """One net and its replica."""

    shape: str
    kind: str
    seed: int
    epochs: int = EPOCHS


def fresh(shape: str, seed: int) -> nn.Module:
    make, kaiming = SHAPES[shape]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = make()
        for module in net.modules() if kaiming else ():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    return net


def net_of(job: Job, seed: int) -> tuple[nn.Module, float]:
    """A net and its accuracy: on held-out digits, of shuffled labels on the digits that it was trained on."""
    digits, net = Digits(), fresh(job.shape, seed)
    labels, (training, held_out) = torch.as_tensor(digits.labels), split()
    if job.kind in ("untrained", "re-drawn"):
        calibrate(net, digits.images[:256].split(32))
        return net.eval(), accuracy(net.eval(), digits.images[held_out], labels[held_out])
    if job.kind.startswith("shuffled"):
        own = torch.Generator().manual_seed(seed if job.kind == "shuffled apart" else job.seed)
        labels, held_out = labels[torch.randperm(len(labels), generator=own)], training
    train(net, digits.images[training], labels[training], job.epochs, seed)
    return net.eval(), accuracy(net.eval(), digits.images[held_out], labels[held_out])


def train(net: nn.Module, images: Tensor, labels: Tensor, epochs: int, seed: int) -> None:
    """Adam with a one-cycle rate in batches of 64."""
    rng, steps = torch.Generator().manual_seed(seed), len(images) // 64
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=epochs * steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images), generator=rng).split(64)[:steps]:
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(images[chosen]), labels[chosen]).backward()
            optimiser.step()
            rate.step()


@torch.inference_mode()
def accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    return float((net(images).argmax(1) == labels).double().mean())


def count(job: Job) -> Rows:
    """A row for each layer."""
    digits = Digits()
    nets, right = zip(*(net_of(job, seed) for seed in (job.seed, job.seed + ONCE_MORE)), strict=True)
    made = None if job.kind == "re-drawn" else partial(fresh, job.shape)
    images = digits.images
    if job.kind == "noise":
        images = torch.rand(images.shape, generator=torch.Generator().manual_seed(job.seed))
    census = lc.take(
        lc.Model(nets[0], job.shape, fresh=made), images, replicas=[nets[1]], seed=job.seed,
        settings=SETTINGS,
    )  # fmt: skip
    table = census.layers
    kept = ["needed", "shared", "learned", "learned_held", "twin_learned"]
    about = {"shape": job.shape, "kind": job.kind, "seed": job.seed, "accuracy": right[0]}
    return [
        about | {"layer": row["layer"]} | {name: float(n) for name, n in row[kept].dropna().items()}
        for _, row in table.iterrows()
    ]


def tables(rows: Rows) -> None:
    """A line for each kind and shape; above 0, mean and most are of learned, and missing where it is not said."""
    heads = "nets", "shape", "seeds", "accuracy", "layers", "above 0", "missing", "mean", "most", "held", "shared"
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for kind in KINDS:
        for shape in SHAPES:
            some = [row for row in rows if (row["kind"], row["shape"]) == (kind, shape)]
            if some:
                print("| " + " | ".join((kind, shape, *line(some))) + " |")


def line(rows: Rows) -> tuple[str, ...]:
    known, held, shared = ([row[n] for row in rows if n in row] for n in ("learned", "learned_held", "shared"))
    right = mean([row["accuracy"] for row in rows])
    return (
        str(len({row["seed"] for row in rows})), f"{right:.1%}", str(len(rows)), str(sum(n > 0 for n in known)),
        str(len(rows) - len(known)), f"{mean(known):.3f}", f"{max(known, default=float('nan')):.1f}",
        f"{mean(held):.2f}", f"{mean(shared):.1f}",
    )  # fmt: skip


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="of untrained nets")
    parser.add_argument("--controls", type=int, default=3, help="seeds of every other kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=tuple(SHAPES))
    parser.add_argument("--smoke", action="store_true", help="two shapes, one seed")
    options(parser)
    asked = parser.parse_args()
    if asked.smoke:
        asked.seeds, asked.controls, asked.kinds, asked.shapes = 1, 1, KINDS[:1], list(SHAPES)[-2:]
    seeds = {kind: asked.seeds if kind == "untrained" else asked.controls for kind in asked.kinds}
    jobs = [
        Job(shape, kind, seed)
        for seed in range(max(seeds.values())) for kind in seeds if seed < seeds[kind] for shape in asked.shapes
    ]  # fmt: skip
    tables(rows_of(asked, count, jobs))
