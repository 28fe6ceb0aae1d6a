"""How often the answer that rests on directions is right, undecided or wrong, where it is known.

    python benchmarks/verdicts_needed.py --planted 20         # nets whose answers read so many directions of each layer
    python benchmarks/verdicts_needed.py --learned 20         # pairs of nets that share so many of those they need
    python benchmarks/verdicts_needed.py --never-trained 20   # eight shapes, four ways to initialise, as plain modules
    python benchmarks/verdicts_needed.py --smoke              # one of each: does it run?

"For another choice alone": of the undecided, those that have an answer at a fidelity of .95 (and r^2 of .5) and another
one, or none, at another fidelity or cut.

A net that never was trained must get no answer, whoever drew its weights. What replicas of such nets learned is asked
in learned_null.py, on the same shapes; how nets are planted that share what they learned, in planted_learned.py.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import numpy as np
import torch
from learned_null import SHAPES
from planted_learned import census_of, shared_course
from torch import Tensor, nn
from workers import Rows, options, rows_of

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.measures.needed import FIDELITIES
from layercensus.measures.shared_directions import CUTS
from layercensus.models.twin import calibrate
from layercensus.testing.stacks import RIGHT

COURSES = ("rising", "falling", "constant", "peak")
WIDTH, LATENTS, EXAMPLES = 40, 64, 600
INITIALISERS = ("default", "Kaiming", "orthogonal", "BERT")
SETTINGS = lc.Settings(
    progress=False, pictures=0, resamples=40, twins=1, other_views=False, calibration=128, held_out=96
)  # fmt: skip
FINEST, HALF = FIDELITIES.index(0.99), CUTS.index(0.5)
PLANTED, LEARNED, NEVER = "planted", "planted learned", "never trained"


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


def counted(job: tuple[str, str, str, int, int]) -> Rows:
    """A row of what is said of a net. job: of which kind, course or initialiser, shape, seed, examples."""
    kind, name, shape, seed, examples = job
    about = {"kind": kind, "name": name, "shape": shape, "seed": seed}
    if kind == NEVER:
        return [about | never_trained(name, shape, seed, examples)]
    return [about | (planted(name, seed) if kind == PLANTED else learned(name, seed))]


def planted(name: str, seed: int) -> dict[str, Any]:
    x = torch.randn(EXAMPLES, LATENTS, generator=torch.Generator().manual_seed(seed))
    read = course(name, seed)
    census = lc.take(Read(read, seed), x, layers="layers.*", twin=False, output=lambda y: y, settings=SETTINGS)
    return said(census) | {"planted": read, "found": census.layers["needed_99"].astype(float).tolist()}


def learned(name: str, seed: int) -> dict[str, Any]:
    census = census_of(name, seed)
    shared, needed = shared_course(name, seed)
    table = census.layers
    curves = [census.array(layer, "learned_curve") for layer in table["layer"]]
    found = {
        "found": [-1.0 if curve is None else float(curve[FINEST, HALF]) for curve in curves],
        "found .95": table["learned"].astype(float).fillna(-1).tolist() if "learned" in table else [],
        "found needed": table["needed_99"].astype(float).tolist(),
    }
    return said(census) | {"planted": shared, "planted needed": needed} | found


def said(census: lc.Census) -> dict[str, Any]:
    return {"answer": census.verdict.answer, "reasons": list(census.verdict.reasons)}


def never_trained(how: str, shape: str, seed: int, examples: int) -> dict[str, Any]:
    """The answer on a net that was never trained; "learned" may stand in no text."""
    digits = Digits()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = SHAPES[shape][0]()
        initialise(net, how)
    calibrate(net, digits.images[:256].split(32))
    census = lc.take(
        net.eval(), digits.images[:examples], labels=digits.labels[:examples], seed=seed, settings=SETTINGS
    )  # fmt: skip
    looks = bool(census.provenance.looks_untrained.get("whole"))
    return said(census) | {"looks": looks, "learned": "learned more" in str(census.verdict)}


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


def table_of_planted(rows: Rows, what: str) -> None:
    heads = (f"directions that are {what}", "right answer", "seeds", "right", "undecided", "for another choice alone",
             "wrong", "layers within 1")  # fmt: skip
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for name in dict.fromkeys(row["name"] for row in rows):
        some = [row for row in rows if row["name"] == name]
        answers = Counter(row["answer"] for row in some)
        right, undecided = answers[RIGHT[name]], answers["undecided"]
        pairs = [pair for row in some for pair in zip(row["planted"], row["found"], strict=False)]
        near = f"{sum(abs(p - f) <= 1 for p, f in pairs)} of {sum(len(row['planted']) for row in some)}"
        otherwise = sum(row["answer"] == "undecided" and bool(row["reasons"]) for row in some)
        counts = len(some), right, undecided, otherwise, len(some) - right - undecided
        print(f"| {name} | {RIGHT[name]} | {' | '.join(map(str, counts))} | {near} |")


def table_of_never_trained(rows: Rows) -> None:
    print('| initialised | shape | nets | look untrained | answers | "learned" |\n|---|---|---|---|---|---|')
    for how, shape in dict.fromkeys((row["name"], row["shape"]) for row in rows):
        some = [row for row in rows if (row["name"], row["shape"]) == (how, shape)]
        answers = ", ".join(f"{n} {answer}" for answer, n in Counter(row["answer"] for row in some).items())
        looks, claims = (sum(row[what] for row in some) for what in ("looks", "learned"))
        print(f"| {how} | {shape} | {len(some)} | {looks} | {answers} | {claims} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planted", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--learned", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--never-trained", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--examples", type=int, default=400)
    parser.add_argument("--smoke", action="store_true")
    options(parser)
    asked = parser.parse_args()
    if asked.smoke:
        asked.planted, asked.learned, asked.never_trained, asked.shapes = 1, 1, 1, list(SHAPES)[:1]
    jobs = [(PLANTED, name, "", seed, EXAMPLES) for seed in range(asked.planted) for name in COURSES]
    jobs += [(LEARNED, name, "", seed, 0) for seed in range(asked.learned) for name in COURSES]
    jobs += [
        (NEVER, how, shape, seed, asked.examples)
        for seed in range(asked.never_trained) for how in INITIALISERS for shape in asked.shapes
    ]  # fmt: skip
    rows = rows_of(asked, counted, jobs)
    for kind, what in ((PLANTED, "read"), (LEARNED, "learned")):
        some = [row for row in rows if row["kind"] == kind]
        if some:
            table_of_planted(some, what)
            print()
    never = [row for row in rows if row["kind"] == NEVER]
    if never:
        table_of_never_trained(never)


if __name__ == "__main__":
    main()
