"""How often the answer that rests on what the net needs is right, undecided or wrong, where it is known.

python benchmarks/verdicts_needed.py --planted 20         # nets whose answers read so many directions of each layer
python benchmarks/verdicts_needed.py --never-trained 20   # eight shapes, four ways to initialise, as plain modules
python benchmarks/verdicts_needed.py --smoke              # one of each: does it run?

A net that never was trained must get no answer, whoever drew its weights. What replicas learned is asked in
learned_null.py, on the same shapes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import layercensus as lc

sys.path.insert(0, str(Path(__file__).parent))
from learned_null import SHAPES

from layercensus.data.digits import Digits
from layercensus.models.twin import calibrate
from layercensus.testing.stacks import RIGHT

COURSES = ("rising", "falling", "constant", "peak")
WIDTH, LATENTS, EXAMPLES = 40, 64, 600
INITIALISERS = ("default", "Kaiming", "orthogonal", "BERT")
SETTINGS = lc.Settings(
    progress=False, pictures=0, resamples=40, twins=1, other_views=False, calibration=128, held_out=96
)  # fmt: skip


class Read(nn.Module):
    """Layers beside each other; the answer is what a head reads of each: so many directions, all of the same weight."""

    def __init__(self, directions: list[int], seed: int) -> None:
        super().__init__()
        random = np.random.default_rng(seed)
        self.layers = nn.ModuleList(nn.Linear(LATENTS, WIDTH) for _ in directions)
        self.heads = nn.ModuleList(nn.Linear(WIDTH, k, bias=False) for k in directions)
        for layer, head, k in zip(self.layers, self.heads, directions, strict=True):
            # of unequal sizes, as trained weights are: what an initialiser draws would look untrained
            rows, _ = np.linalg.qr(random.standard_t(2, (LATENTS, WIDTH)))
            reads, _ = np.linalg.qr(random.standard_t(2, (WIDTH, k)))
            sizes = np.exp(random.normal(0, 0.5, WIDTH))
            layer.weight.data = torch.tensor(rows.T * sizes[:, None], dtype=torch.float32)
            head.weight.data = torch.tensor(reads.T / sizes / k**0.5, dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([head(layer(x)) for layer, head in zip(self.layers, self.heads, strict=True)], 1)


def course(name: str, seed: int) -> list[int]:
    """Directions that are read of each of five to seven layers."""
    random = np.random.default_rng([seed, COURSES.index(name)])
    depth = np.linspace(0, 1, int(random.integers(5, 8)))
    least, most = int(random.integers(3, 6)), int(random.integers(16, 31))
    form = {"rising": depth, "falling": 1 - depth, "constant": 0 * depth + 0.5, "peak": np.sin(np.pi * depth)}[name]
    return [int(n) for n in np.round(least + (most - least) * form)]


def planted(seeds: int) -> None:
    print("| directions that are read | right answer | right | undecided | wrong |\n|---|---|---|---|---|")
    for name in COURSES:
        said: Counter[str] = Counter()
        for seed in range(seeds):
            x = torch.randn(EXAMPLES, LATENTS, generator=torch.Generator().manual_seed(seed))
            net = Read(course(name, seed), seed)
            census = lc.take(net, x, layers="layers.*", twin=False, output=lambda y: y, settings=SETTINGS)
            answer = census.verdict.answer
            said["right" if answer == RIGHT[name] else "undecided" if answer == "undecided" else "wrong"] += 1
        print(f"| {name} | {RIGHT[name]} | {said['right']} | {said['undecided']} | {said['wrong']} |", flush=True)


def initialise(net: nn.Module, how: str) -> None:
    for module in net.modules():
        if how == "default" or not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        if how == "Kaiming":
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif how == "orthogonal":
            nn.init.orthogonal_(module.weight, 2**0.5)
        else:
            nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def never_trained(seeds: int, shapes: list[str], examples: int) -> None:
    """Answers of nets that were never trained; "learned" may stand in none of their texts."""
    digits = Digits()
    print('| initialised | shape | nets | look untrained | answers | "learned" |\n|---|---|---|---|---|---|')
    for how in INITIALISERS:
        for shape in shapes:
            answers, looks, learned = Counter[str](), 0, 0
            for seed in range(seeds):
                with torch.random.fork_rng():
                    torch.manual_seed(seed)
                    net = SHAPES[shape][0]()
                    initialise(net, how)
                calibrate(net, digits.images[:256].split(32))
                census = lc.take(
                    net.eval(), digits.images[:examples], labels=digits.labels[:examples], seed=seed, settings=SETTINGS
                )  # fmt: skip
                answers[census.verdict.answer] += 1
                looks += bool(census.provenance.looks_untrained.get("whole"))
                learned += "learned more" in str(census.verdict)
            said = ", ".join(f"{n} {answer}" for answer, n in answers.items())
            print(f"| {how} | {shape} | {seeds} | {looks} | {said} | {learned} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planted", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--never-trained", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--examples", type=int, default=400)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    if arguments.planted or arguments.smoke:
        planted(arguments.planted or 1)
    if arguments.never_trained or arguments.smoke:
        some = list(SHAPES)[:1] if arguments.smoke else arguments.shapes
        never_trained(arguments.never_trained or 1, some, arguments.examples)
    print(f"{time.perf_counter() - begun:.0f} s")
