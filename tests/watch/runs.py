"""Short training runs in which something is planted at a known step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import layercensus as lc

Planted = Callable[[nn.Sequential, int], None]  # is called before each step with the net and the step's number
OPTIONS = lc.WatchOptions(panel=64, needed_every=1, resamples=20)
CLASSES = 6


def examples(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Six classes around six points in 12 dimensions."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(384) % CLASSES
    points = 2 * torch.randn(CLASSES, 12, generator=generator)
    return points[label] + torch.randn(384, 12, generator=generator), label


def inputs() -> Tensor:
    """The inputs of `examples`, as a command names them."""
    return examples()[0]


def net_of(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, CLASSES))
    with torch.no_grad():  # so that no unit is dead but those that are planted
        net[0].bias.fill_(1.0)
        net[2].bias.fill_(1.0)
    return net


class Reader(nn.Module):
    """A transformer of one block over an example as three tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 16)
        self.block = nn.TransformerEncoderLayer(16, 2, 20, batch_first=True, dropout=0.1)
        self.out = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.block(self.embed(x.unflatten(1, (3, 4)))).mean(1))


def reader_of(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return Reader()


def run(
    steps: int = 60, every: int = 20, *, seed: int = 0, planted: Planted = lambda net, step: None,
    make: Callable[[int], Any] = net_of, **watching: Any,
) -> lc.Timeline:  # fmt: skip
    """A watched run; all that is asked is read."""
    x, y = examples(seed)
    net = make(seed)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    arguments = {"budget": None, "options": OPTIONS} | watching
    with lc.watch(net, x, every=every, **arguments) as watch:
        for step in range(1, steps + 1):
            planted(net, step)
            rows = torch.randint(len(x), (32,))
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimiser.step()
    return watch.timeline


def killing(at: int, units: int, module: str = "2") -> Planted:
    """So many units of the second hidden layer, or behind this module, never fire again from a step on."""

    def planted(net: nn.Sequential, step: int) -> None:
        if step == at:
            made: Any = net.get_submodule(module)
            with torch.no_grad():
                made.weight[:units] = 0
                made.bias[:units] = -10

    return planted


def collapsing(at: int, module: str = "4") -> Planted:
    """From a step on all answers lie along one direction."""

    def planted(net: nn.Sequential, step: int) -> None:
        if step >= at:
            out: Any = net.get_submodule(module)
            with torch.no_grad():
                out.weight[1:] = -out.weight[:1] / (CLASSES - 1)

    return planted


def resumable(
    out: Path, checkpoint: Path, *, start: int = 0, at: int = -1, then: Callable[[], None] = lambda: None
) -> None:
    """A run of 30 steps that writes its timeline, with a checkpoint at step 10, or from there; `then` at a step."""
    x, y = examples()
    net = net_of()
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    if start:
        net.load_state_dict(torch.load(checkpoint))
    options = lc.WatchOptions(panel=64, needed_every=2, resamples=20, resume=start > 0)
    watch = lc.watch(net, x, every=5, budget=None, out=out, options=options)
    for step in range(start + 1, 31):
        rows = torch.randint(len(x), (32,), generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimiser.step()
        watch.step(step, rate=0.1)
        if step == 10:
            torch.save(net.state_dict(), checkpoint)
        if step == at:
            then()
    watch.close()
