"""A layer so small that all of its states can be listed."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from layercensus.labs.cdbn.crbm import Crbm, Form
from layercensus.labs.cdbn.energy import energy
from layercensus.models.randomness import own_randomness

HEIGHT, WIDTH = 3, 3  # binary pixels: 512 states; 2 x 2 filters leave one block of 2 x 2 for each of two units


def layer(seed: int = 0, scale: float = 0.8) -> Crbm:
    with own_randomness(seed):
        made = Crbm(Form(1, 2, 2, 2), start=scale, bias=-0.3).double()
        made.visible_bias.copy_(torch.tensor([0.2]))
    return made


def visible_states() -> Tensor:
    """(512, 1, 3, 3): all of them."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=9)), dtype=torch.float64).reshape(-1, 1, 3, 3)


def hidden_states() -> Tensor:
    """(25, 2, 2, 2): each unit's block has no unit on, or one of four."""
    block = torch.cat([torch.zeros(1, 4), torch.eye(4)]).double()
    pairs = [torch.stack([a, b]) for a in block for b in block]
    return torch.stack(pairs).reshape(-1, 2, 2, 2)


def joint(made: Crbm) -> Tensor:
    """(512, 25): the probability of every joint state."""
    v, h = visible_states(), hidden_states()
    energies = torch.stack([energy(made, v, state.expand(len(v), -1, -1, -1)) for state in h], 1)
    return torch.softmax(-energies.flatten(), 0).reshape(len(v), len(h))


def gradient(made: Crbm, data: Tensor) -> Tensor:
    """Of the mean log likelihood of `data`, all parameters in one row: by sums over all states."""
    v, h, p = visible_states(), hidden_states(), joint(made)
    on = torch.einsum("vh,hkij->vkij", p / p.sum(1, keepdim=True), h)  # the conditional mean, without `probabilities`
    index = (data.flatten(1) @ (2 ** torch.arange(8, -1, -1, dtype=torch.float64))).long()
    model = [torch.zeros_like(part) for part in made.statistics(v, on)]
    for weight, one, state in zip(p.sum(1), v, on, strict=True):
        model = [m + weight * s for m, s in zip(model, made.statistics(one[None], state[None]), strict=True)]
    found = made.statistics(data, on[index])
    return flat([a - b for a, b in zip(found, model, strict=True)])


def flat(parts: list[Tensor]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])
