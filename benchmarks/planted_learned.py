"""Two nets that share so many of the directions that they need in each layer, as if training had put them there.

Each layer answers with squares of sums of its inputs, mixed into units. A direction that is needed is the product of
two inputs. Of these so many are the same pairs in both nets, and the others are each net's own; untrained nets of the
same constructor hold random mixtures of all 2,000 products, which give little of any one of them. A head reads every
layer, and the answers are those of all heads, so that a fidelity of .99 leaves the weakest directions of a layer out.
Those that are shared stand evenly among the others, from the one that moves the answers most to the one that moves them
least.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

import layercensus as lc

INPUTS, UNITS, EXAMPLES = 64, 40, 1200
MOST, LEAST = 22, 0.6  # needed directions of a layer; what the head weighs the last of them by, the first having 1
COURSES = ("rising", "falling", "constant", "peak")
SETTINGS = lc.Settings(
    progress=False, pictures=0, resamples=40, twins=4, other_views=False, calibration=256, held_out=96
)  # fmt: skip
Pairs = list[tuple[int, int]]


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.square()


class Products(nn.Module):
    """Layers beside each other, and what a head reads of each."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.sums = nn.ModuleList(nn.Linear(INPUTS, 2 * UNITS) for _ in range(layers))
        self.squares = nn.ModuleList(Square() for _ in range(layers))
        self.layers = nn.ModuleList(nn.Linear(2 * UNITS, UNITS) for _ in range(layers))
        self.heads = nn.ModuleList(nn.Linear(UNITS, MOST, bias=False) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        parts = zip(self.sums, self.squares, self.layers, self.heads, strict=True)
        return torch.cat([head(layer(square(sums(x)))) for sums, square, layer, head in parts], 1)


def fresh(layers: int, seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Products(layers)


def shared_course(name: str, seed: int) -> tuple[list[int], list[int]]:
    """Of each of five to seven layers: directions that both nets need, and all that one needs.

    In every second draw as many are needed everywhere, in the others fewer where more are shared.
    """
    random = np.random.default_rng([seed, COURSES.index(name)])
    depth = np.linspace(0, 1, int(random.integers(5, 8)))
    least, most = int(random.integers(0, 3)), int(random.integers(9, 15))
    form = {"rising": depth, "falling": 1 - depth, "constant": 0 * depth + 0.5, "peak": np.sin(np.pi * depth)}[name]
    shared = np.round(least + (most - least) * form).astype(int)
    needed = np.full(len(depth), MOST) if seed % 2 else MOST - np.round(0.4 * shared).astype(int)
    return shared.tolist(), needed.tolist()


def pair(name: str, seed: int) -> tuple[nn.Module, nn.Module]:
    """Two nets that share this course."""
    shared, needed = shared_course(name, seed)
    random = np.random.default_rng([seed, COURSES.index(name), 1])
    nets = fresh(len(shared), seed), fresh(len(shared), seed + 1000)
    for at, (common, all_) in enumerate(zip(shared, needed, strict=True)):
        products = pairs_of(2 * all_ - common, random)
        own = all_ - common
        for number, net in enumerate(nets):
            first = common + number * own
            write(net, at, interleaved(products[:common], products[first : first + own]), random)
    return nets


def pairs_of(number: int, random: np.random.Generator) -> Pairs:
    """So many different pairs of inputs."""
    a, b = np.triu_indices(INPUTS, 1)
    chosen = random.choice(len(a), number, replace=False)
    return list(zip(a[chosen].tolist(), b[chosen].tolist(), strict=True))


def interleaved(some: Pairs, others: Pairs) -> Pairs:
    places = [(n + 0.5) / len(each) for each in (some, others) for n in range(len(each))]
    return [pair for _, pair in sorted(zip(places, some + others, strict=True))]


@torch.no_grad()
def write(net: nn.Module, at: int, products: Pairs, random: np.random.Generator) -> None:
    """The layer's needed directions become these products; its other directions keep squares of random sums."""
    sums, layer, head = net.sums[at], net.layers[at], net.heads[at]  # type: ignore[index]
    count = len(products)
    basis, _ = np.linalg.qr(random.standard_t(2, (UNITS, UNITS)))
    sizes = np.exp(random.normal(0, 0.5, UNITS))
    inside = np.zeros((UNITS, 2 * UNITS))  # of a direction, before the units' basis: what it is of the squares
    for row, (a, b) in enumerate(products):
        sums.weight[2 * row : 2 * row + 2] = 0
        sums.weight[2 * row, [a, b]] = 1.0
        sums.weight[2 * row + 1, a], sums.weight[2 * row + 1, b] = 1.0, -1.0
        inside[row, [2 * row, 2 * row + 1]] = 0.25, -0.25
    rest = slice(2 * count, 2 * UNITS)
    inside[count:, rest] = random.normal(0, 1, (UNITS - count, 2 * (UNITS - count)))
    sums.bias.zero_()
    layer.weight.copy_(torch.tensor(sizes[:, None] * (basis @ inside)))
    reads = np.zeros((MOST, UNITS))
    reads[:count] = (basis / sizes[:, None]).T[:count]
    weight = np.pad(np.geomspace(1, LEAST, count), (0, MOST - count))
    head.weight.copy_(torch.tensor(reads * (weight / np.linalg.norm(weight))[:, None]))


def census_of(name: str, seed: int) -> lc.Census:
    """Of the first net, with the second as its replica."""
    net, other = pair(name, seed)
    layers = len(shared_course(name, seed)[0])
    draw = torch.rand(EXAMPLES, INPUTS, generator=torch.Generator().manual_seed(seed))
    return lc.take(
        lc.Model(net, "products", fresh=partial(fresh, layers)), 3**0.5 * (2 * draw - 1), layers="layers.*",
        replicas=[other], output=lambda y: y, settings=SETTINGS,
    )  # fmt: skip
