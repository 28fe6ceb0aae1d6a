"""How many directions pairs of nets are said to have learned that were never trained: it must be none.

    python benchmarks/untrained_pairs.py --processes 2 --out pairs.json  # 20 seeds: twenty minutes of a processor
    python benchmarks/untrained_pairs.py --minutes 20                    # as many seeds as that gives, shape by shape
    python benchmarks/untrained_pairs.py --read pairs.json               # the table of an earlier run
    python benchmarks/untrained_pairs.py --smoke                         # seconds: does it run?

learned_null.py takes whole censuses; here only what `learned` needs is read: of nine untrained nets of one constructor
two stand for the net and its replica, beyond the seven others (pair), and two of these for the null that every census
counts, beyond the last five (null). Beside the eight shapes of learned_null.py: units that fire at one of 15 examples
(rare) or a quarter of them at one of 1,400 (some rare), more units than rows, and responses of Laplace's law and of
Student's t with two degrees of freedom, whose variance is infinite. Digits of scikit-learn. Where no
number of directions holds the answers (mostly where fewer examples calibrate than a layer has units) a census says
nothing; here the directions of 95 % of the variance, 64 at most, stand for the needed ones, which is the harder null.
How many pairs x layers they stand in is the column "stand-ins", and what a census would print above 0 is "printed": of
pairs with directions of their own, where the null beside them has its own and reads 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from learned_null import SHAPES, fresh, mean
from torch import Tensor, nn
from workers import options, rows_of

import layercensus as lc
from layercensus.count.nets import Net
from layercensus.count.one_by_one import Spots
from layercensus.count.read_batch import draws_of, keys_of, read_net
from layercensus.data.batch import Batch
from layercensus.data.digits import Digits
from layercensus.intervene.answers import Answers
from layercensus.intervene.examples import Examples
from layercensus.intervene.needs import needs_of
from layercensus.layers.layer import Layer
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.layers.torch_state import neutral
from layercensus.measures import Evidence, Outcome
from layercensus.measures.learned import learned
from layercensus.measures.needed import FIDELITY, directions_for
from layercensus.models.twin import calibrate
from layercensus.tally import Needs, Rows
from layercensus.testing.evidence import evidence, panel

NETS, PAIR, SPOTS, EXAMPLES = 9, 2, 8, 512
MEMORY, MOST = 2e9, 64
FAR = 5.0  # standard deviations, beyond which a response is that at this distance


class Response(nn.Module):
    """A nonlinearity by its formula."""

    def __init__(self, formula: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.formula = formula

    def forward(self, x: Tensor) -> Tensor:
        return self.formula(x)


def rare(x: Tensor) -> Tensor:
    return torch.relu(x - 1.5)


def some_rare(x: Tensor) -> Tensor:
    return torch.relu(x - 3.2 * (torch.arange(x.shape[1]) % 4 == 3))


def laplace(x: Tensor) -> Tensor:
    """As of Laplace's law, of numbers of a normal one."""
    return -x.sign() * (torch.special.log_ndtr(-x.abs().clamp(max=FAR)) + 2**0.5 / 2)


def student(x: Tensor) -> Tensor:
    """As of Student's t with two degrees of freedom, of numbers of a normal law."""
    p = torch.special.ndtr(x.double().clamp(-FAR, FAR))
    return ((2 * p - 1) / (2 * p * (1 - p)).sqrt()).to(x.dtype)


def responding(formula: Callable[[Tensor], Tensor]) -> nn.Module:
    """Six dense layers of 64 normalised units with this response."""
    parts: list[nn.Module] = [nn.Flatten()]
    for number in range(6):
        parts += [nn.Linear(64, 64), nn.BatchNorm1d(64), Response(formula)]
        parts[-3].weight.data *= 1 + (number == 0)  # type: ignore[operator]
    return nn.Sequential(*parts, nn.Linear(64, 10))


def wide() -> nn.Module:
    """Six dense layers of 512 units."""
    parts: list[nn.Module] = [nn.Flatten()]
    for number in range(6):
        parts += [nn.Linear(512 if number else 64, 512), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(512, 10))


MORE: dict[str, tuple[Callable[[], nn.Module], int]] = {  # how it is made, and of how many digits it is read
    "rare": (partial(responding, rare), EXAMPLES),
    "some rare": (partial(responding, some_rare), EXAMPLES),
    "more units than rows": (wide, 300),
    "Laplace": (partial(responding, laplace), EXAMPLES),
    "Student's t": (partial(responding, student), EXAMPLES),
}
EVERY = (*SHAPES, *MORE)


@dataclass(frozen=True)
class Read:
    """What is read of one net: a layer's rows, and what the answers rest on there."""

    spots: dict[str, Tensor]  # layer -> (examples, SPOTS, units)
    needs: dict[str, Needs]
    stand_ins: frozenset[str] = frozenset()  # layers in which the directions are not those that the answers rest on


def made(shape: str, seed: int) -> nn.Module:
    if shape in SHAPES:
        net = fresh(shape, seed)
    else:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            net = MORE[shape][0]()
    calibrate(net, Digits().images[:256].split(32))
    return net.eval()


def read(net: Net, batches: Sequence[Batch], examples: Examples | None) -> Read:
    """examples: where it is asked what the net needs."""
    spots: dict[str, list[Tensor]] = {layer.name: [] for layer in net.layers}
    for batch in batches:
        at = keys_of(batch)
        found = read_net(net, batch, Spots(torch.arange(len(at)), draws_of(at, SPOTS, 0)), {})
        for layer in net.layers:
            reading = found[net.key(layer)]
            spots[layer.name].append(reading.mean[:, None] if reading.spots is None else reading.spots)
    rows = {name: torch.cat(parts) for name, parts in spots.items()}
    if examples is None:
        return Read(rows, {})
    asked = needs_of(net, net.layers, examples, Answers(centred=True), memory=MEMORY, units=False)
    known = {layer.name: needs for layer, needs in asked if directions_for(needs, FIDELITY) >= 0}
    needs = {name: known.get(name) or of_variance(spots) for name, spots in rows.items()}
    return Read(rows, needs, frozenset(needs) - frozenset(known))


def of_variance(spots: Tensor) -> Needs:
    """A net's needs if its answers were the principal directions that hold FIDELITY of the variance, MOST of them."""
    flat = spots.flatten(0, 1).double()
    mean = flat.mean(0)
    value, vector = torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
    value, vector = value.flip(0).clamp(min=0), vector.flip(1)
    held = value.cumsum(0) / value.sum().clamp(min=1e-300)
    kept = min(MOST, int((held < FIDELITY).sum()) + 1)
    root, tried = value[:kept].clamp(min=1e-300).sqrt(), torch.tensor([kept - 1, kept])
    four = torch.arange(4)
    return Needs(
        mean, vector[:, :kept] / root, vector[:, :kept] * root, torch.ones(kept, dtype=torch.float64), tried,
        (tried < kept).double()[:, None].expand(-1, 4).clone(), torch.ones(4, dtype=torch.float64), four,
        torch.full((2,), torch.nan, dtype=torch.float64), torch.tensor(len(spots)), torch.tensor(len(flat)),
        torch.tensor(False),
    )  # fmt: skip


def batches_of(shape: str) -> list[Batch]:
    count = MORE[shape][1] if shape in MORE else EXAMPLES
    images = Digits().images[:count]
    return [Batch(part, tuple(str(32 * at + n) for n in range(len(part)))) for at, part in enumerate(images.split(32))]


@neutral()
def counted(job: tuple[str, int]) -> list[dict[str, Any]]:
    """A row for each layer of nets of a shape. job: shape, seed."""
    shape, seed = job
    batches = batches_of(shape)
    half = min(8, len(batches) // 2)
    examples = Examples(batches[:half], batches[half : half + 4])
    modules = [made(shape, NETS * seed + number) for number in range(NETS)]
    layers = tuple(layer for layer in _layers(modules[0], batches[0]) if layer.alone is None)
    nets = [
        read(Net("net", module, layers), batches, examples if number < 2 * PAIR else None)
        for number, module in enumerate(modules)
    ]
    keys = torch.cat([torch.from_numpy(keys_of(batch)) for batch in batches])
    found = []
    for layer in nets[0].spots:
        pair, null = (
            said(learned.compute(compared([n.spots[layer] for n in some], [n.needs.get(layer) for n in some], keys)))
            | {"stand-in": any(layer in n.stand_ins for n in some[:PAIR])}
            for some in (nets, nets[PAIR:])
        )
        found.append({"shape": shape, "seed": seed, "layer": layer, "pair": pair, "null": null})
    return found


def _layers(net: nn.Module, batch: Batch) -> list[Layer]:
    return select(net, survey(net, batch.first(3).for_net(net)), None)


def compared(spots: Sequence[Tensor], needs: Sequence[Needs | None], keys: Tensor) -> Evidence:
    """The first two nets as a net and its replica, beyond all others."""
    order = keys.argsort()
    units, other, *rest = (each[order] for each in spots)
    first = evidence(units, units.mean(1), units.mean(1), keys=keys[order])
    replica = panel(other, other.mean(1), other.mean(1), keys[order])
    untrained = tuple(Rows(keys[order], each) for each in rest)
    return replace(
        first, needs=needs[0], replicas=(replica,), replica_needs=(needs[1],), untrained=untrained, is_twin=True,
        settings=lc.Settings(progress=False, resamples=20),
    )  # fmt: skip


def said(outcome: Outcome) -> dict[str, Any]:
    names = "shared", "learned", "learned_held", "permuted_learned", "untrained_r2"
    return {name: float(outcome.layer[name]) for name in names if name in outcome.layer} | {"why": list(outcome.notes)}


def table(rows: Sequence[dict[str, Any]]) -> None:
    """A line for each shape: of both kinds of pairs the layers with learned above 0, its mean and its most."""
    heads = ("nets", "seeds", "pairs x layers", "above 0", "mean", "most", "stand-ins", "printed", "missing", "shared",
             "held", "permuted")  # fmt: skip
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for shape in EVERY:
        some = [row for row in rows if row["shape"] == shape]
        if some:
            print("| " + " | ".join((shape, str(len({row["seed"] for row in some})), *line(some))) + " |")
    print("| " + " | ".join(("all", str(len({row["seed"] for row in rows})), *line(rows))) + " |")


def line(rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    both = [row[kind] for row in rows for kind in ("pair", "null")]
    known, shared, held, permuted = (
        [one[name] for one in both if name in one] for name in ("learned", "shared", "learned_held", "permuted_learned")
    )
    return (
        str(len(both)), str(sum(n > 0 for n in known)), f"{mean(known):.3f}", f"{max(known, default=0):.0f}",
        str(sum(one["stand-in"] for one in both)), str(sum(printed(row) for row in rows)),
        str(len(both) - len(known)), f"{mean(shared):.1f}", f"{mean(held):.2f}", f"{mean(permuted):.3f}",
    )  # fmt: skip


def printed(row: dict[str, Any]) -> bool:
    """Whether a census of this pair and these untrained nets would say that something was learned."""
    pair, null = row["pair"], row["null"]
    known = not pair["stand-in"] and not null["stand-in"]
    return known and pair.get("learned", 0) > 0 and null.get("learned", 1) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="seed")
    parser.add_argument("--shapes", nargs="+", choices=EVERY, default=EVERY)
    parser.add_argument("--smoke", action="store_true", help="one seed of two shapes")
    options(parser)
    asked = parser.parse_args()
    if asked.smoke:
        asked.seeds, asked.shapes = 1, ("dense, 6 layers", "Laplace")
    seeds = range(asked.first, asked.first + asked.seeds)
    table(rows_of(asked, counted, [(shape, seed) for seed in seeds for shape in asked.shapes]))


if __name__ == "__main__":
    main()
