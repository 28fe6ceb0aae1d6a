"""How often a fresh net is not found, and how often a trained one is said to look untrained.

python benchmarks/untrained_looks.py
python benchmarks/untrained_looks.py --mlp 5 --cnn 0 --batch-norm 0

Prints the table of docs/numbers.md: how many nets look untrained as a whole + in parts, of how many. An option for each
kind of net says how many seeds of it there are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from layercensus.models.untrained_looks import looks_untrained

Optimiser = Callable[[object], torch.optim.Optimizer]


def _mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))


def _cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


def _normed() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(),
        nn.Linear(512, 10),
    )  # fmt: skip


NETS = {"mlp": _mlp, "cnn": _cnn, "batch norm": _normed}
DRAWS: dict[str, Callable[[Tensor], object]] = {
    "torch": lambda weight: None,
    "kaiming normal": nn.init.kaiming_normal_,
    "xavier uniform": nn.init.xavier_uniform_,
    "normal cut at 2": lambda weight: nn.init.trunc_normal_(weight, std=0.02, a=-0.04, b=0.04),
    "normal .02": lambda weight: nn.init.trunc_normal_(weight, std=0.02),
    "orthogonal": nn.init.orthogonal_,
}
SEEDS = {"mlp": 50, "cnn": 10, "batch norm": 10}
EPOCHS = (1, 10)
TRAINED = ("torch", "kaiming normal", "orthogonal")  # those that are trained too
OPTIMISERS: dict[str, Optimiser] = {
    "Adam": lambda parameters: torch.optim.Adam(parameters, 1e-3),  # type: ignore[arg-type]
    "SGD": lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9),  # type: ignore[arg-type]
}


def fresh(make: str, draw: str, seed: int) -> nn.Sequential:
    """A net whose weights were drawn, biases as torch draws them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = NETS[make]()
        for parameter in net.parameters():
            if parameter.ndim > 1:
                DRAWS[draw](parameter)
    return net


def trained(make: str, draw: str, seed: int, epochs: int, by: str = "Adam") -> nn.Sequential:
    """The same, trained on scikit-learn's digits in batches of 64."""
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    images = images.float() / 16
    net, chance = fresh(make, draw, seed), torch.Generator().manual_seed(seed)
    optimiser = OPTIMISERS[by](net.parameters())
    for _ in range(epochs):
        for chosen in torch.randperm(len(images), generator=chance).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(images[chosen]), labels[chosen]).backward()
            optimiser.step()
    return net.eval()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for make, seeds in SEEDS.items():
        asked.add_argument(f"--{make.replace(' ', '-')}", type=int, default=seeds, metavar="SEEDS")
    wanted = vars(asked.parse_args())
    heads = [f"{by}, {count} epoch{'s' * (count > 1)}" for count in EPOCHS for by in OPTIMISERS]
    print(f"| net | drawn | untrained | {' | '.join(heads)} |\n|{'---|' * (3 + len(heads))}")
    for make in SEEDS:
        for draw in DRAWS if wanted[make.replace(" ", "_")] else ():
            print(
                f"| {make} | {draw} | {' | '.join(_row(make, draw, range(wanted[make.replace(' ', '_')])))} |",
                flush=True,
            )


def _row(make: str, draw: str, seeds: range) -> Iterator[str]:
    yield _said([looks_untrained(fresh(make, draw, seed)) for seed in seeds])
    for epochs in EPOCHS:
        for by in OPTIMISERS:
            nets = (trained(make, draw, seed, epochs, by) for seed in seeds if draw in TRAINED)
            yield _said([looks_untrained(net) for net in nets])


def _said(looks: list[dict[str, Any]]) -> str:
    """Nets that look untrained as a whole + in parts, of how many; a dash where none was made."""
    whole = [look["whole"] for look in looks if look]
    return f"{sum(whole)} + {len(whole) - sum(whole)} of {len(looks)}" if looks else "-"


if __name__ == "__main__":
    main()
