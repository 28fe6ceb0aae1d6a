"""Small nets trained here whose true number of features is known from how they were made."""

from __future__ import annotations

import torch
from torch import Tensor, nn

INPUTS, OUTPUTS = 20, 8


class Superposed(nn.Module):
    """Five sparse features through two hidden units and back (Elhage et al. 2022, Toy Models of Superposition)."""

    def __init__(self, features: int = 5, units: int = 2) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, units, bias=False)
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.hidden(x) @ self.hidden.weight + self.bias)


def sparse(examples: int, features: int, generator: torch.Generator) -> Tensor:
    """Features that are absent nine times in ten, else uniform in 0..1: (examples, features)."""
    present = torch.rand(examples, features, generator=generator) < 0.1
    return torch.rand(examples, features, generator=generator) * present


def superposed(seed: int, steps: int = 3000) -> Superposed:
    """Trained to give its input back."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Superposed()
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(steps):
        x = sparse(512, 5, generator)
        optimiser.zero_grad()
        (net(x) - x).square().mean().backward()
        optimiser.step()
    return net


def teacher(seed: int, width: int) -> nn.Sequential:
    """A net of one hidden layer with `width` units in random directions."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        hidden, out = nn.Linear(INPUTS, width), nn.Linear(width, OUTPUTS)
        with torch.no_grad():
            hidden.weight.copy_(1.5 * nn.functional.normalize(torch.randn(width, INPUTS), dim=1))
            nn.init.uniform_(hidden.bias, -0.3, 0.3)
            out.weight.normal_(0, width**-0.5)
            nn.init.zeros_(out.bias)
    return nn.Sequential(hidden, nn.ReLU(), out).requires_grad_(False)


def student(seed: int, taught_by: nn.Module, width: int, steps: int = 4000) -> nn.Sequential:
    """A wider net trained on the teacher's outputs, with a little decay of each unit's path (weight in times out)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        hidden, out = nn.Linear(INPUTS, width), nn.Linear(width, OUTPUTS)
    net = nn.Sequential(hidden, nn.ReLU(), out)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        x = torch.randn(256, INPUTS, generator=generator)
        path = (hidden.weight.norm(dim=1) * out.weight.norm(dim=0)).sum()
        optimiser.zero_grad()
        ((net(x) - taught_by(x)).square().mean() + 1e-3 * path).backward()
        optimiser.step()
        rate.step()
    return net


def relearned(seed: int, width: int, student_width: int) -> tuple[nn.Module, list[nn.Module]]:
    """The hidden layer of a student and of two more training runs of it, all of one teacher."""
    taught_by = teacher(10_000 + seed, width)
    runs = [student(100 * seed + run, taught_by, student_width)[:2] for run in range(3)]
    return runs[0], runs[1:]
