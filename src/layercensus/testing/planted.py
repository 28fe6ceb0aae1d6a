"""Networks whose true counts are known, because their weights were written down and not learned.

Every layer reads latent features, a nuisance that the views redraw, and a little noise of its own per unit; latents and
noise belong to the example and are the same in a second view, the nuisance does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DEAD, NOISE = -1, -2
KINDS = ("linear", "conv", "token")
POSITIONS = {"linear": (), "conv": (5, 5), "token": (12,)}


@dataclass(frozen=True)
class Truth:
    """What a layer holds."""

    latents: int  # different features
    copies: int  # units of each feature, the first one included
    dead: int = 0
    noise: int = 0  # units that follow the nuisance

    @property
    def width(self) -> int:
        return self.latents * self.copies + self.dead + self.noise


@dataclass(frozen=True)
class Planted:
    """A net whose counts are known, its data, and the views under which they hold."""

    net: nn.Module
    data: Tensor  # (examples, features) or (examples, features, h, w) or (examples, tokens, features)
    views: Callable[[Tensor, np.random.Generator], Tensor]
    truth: tuple[Truth, ...]
    units: tuple[tuple[int, ...], ...]  # per layer and unit: its latent, or DEAD or NOISE


class Stack(nn.Module):
    """Layers called one after the other on the same input, and a small output layer."""

    def __init__(self, layers: Sequence[nn.Module], features: int, kind: str) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.out = nn.Linear(features, 3)
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            layer(x)
        flat = x if x.ndim == 2 else x.mean(1) if self.kind == "token" else x.mean((2, 3))
        out: Tensor = self.out(flat)
        return out


def planted(
    kind: str,
    truth: Truth | Sequence[Truth],
    seed: int,
    *,
    examples: int = 600,
    wobble: float = 0.12,
    leak: float = 0.2,
) -> Planted:
    """A net with one layer per truth.

    wobble: standard deviation of a unit's own noise beside a latent's 1; copies then correlate 1 / (1 + wobble^2).
    leak: standard deviation of the nuisance in a latent's units; the reproducible fraction of a unit's variance is
        1 - leak^2 / (1 + wobble^2 + leak^2).
    """
    truths = (truth,) if isinstance(truth, Truth) else tuple(truth)
    rng = np.random.default_rng(seed)
    latents, widest = max(t.latents for t in truths), max(t.width for t in truths)
    features = latents + 2 * widest  # latents, then one own noise and one nuisance per unit
    layers, units = [], []
    for each in truths:
        kept = [int(k) for k in rng.choice(latents, each.latents, replace=False) for _ in range(each.copies)]
        roles = rng.permutation(np.array([*kept, *[DEAD] * each.dead, *[NOISE] * each.noise]))
        layers.append(_layer(kind, *_weights(roles, latents, widest, wobble, leak, rng)))
        units.append(tuple(int(role) for role in roles))
    data = torch.from_numpy(rng.standard_normal((examples, features, *POSITIONS[kind]), dtype=np.float32))
    first = latents + widest
    return Planted(Stack(layers, features, kind), _arranged(data, kind), _redraw(first, kind), truths, tuple(units))


def _weights(
    roles: NDArray[np.int64], latents: int, widest: int, wobble: float, leak: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """(width, features) weights and (width,) bias."""
    weight = np.zeros((len(roles), latents + 2 * widest), dtype=np.float32)
    for unit, role in enumerate(roles):
        own, nuisance = latents + unit, latents + widest + unit
        gain = np.exp(rng.uniform(-1, 1)) * rng.choice([-1.0, 1.0])
        if role >= 0:
            weight[unit, [role, own, nuisance]] = gain, gain * wobble, gain * leak
        elif role == NOISE:
            weight[unit, [own, nuisance]] = gain * leak, gain
    return torch.from_numpy(weight), torch.from_numpy(rng.uniform(-0.5, 0.5, len(roles)).astype(np.float32))


def _layer(kind: str, weight: Tensor, bias: Tensor) -> nn.Module:
    width, features = weight.shape
    layer = nn.Conv2d(features, width, 1) if kind == "conv" else nn.Linear(features, width)
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.copy_(weight.reshape(layer.weight.shape))
        layer.bias.copy_(bias)
    return layer


def _arranged(data: Tensor, kind: str) -> Tensor:
    return data.movedim(1, -1).contiguous() if kind == "token" else data


def _redraw(first: int, kind: str) -> Callable[[Tensor, np.random.Generator], Tensor]:
    """The view: every nuisance feature, from `first` on, is drawn again."""

    def view(example: Tensor, rng: np.random.Generator) -> Tensor:
        out = example.clone()
        part = out[..., first:] if kind == "token" else out[first:]
        part.copy_(torch.from_numpy(rng.standard_normal(tuple(part.shape), dtype=np.float32)))
        return out

    return view
