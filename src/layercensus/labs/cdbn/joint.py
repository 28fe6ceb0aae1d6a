"""Samples of all layers together: block Gibbs, in which pixels that are not given are drawn again in every sweep."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .infer import received
from .nets import Stack


@dataclass(frozen=True)
class Chain:
    """How to sample. sweeps: over all layers and the pixels; burn_in: of them, that the mean leaves out."""

    sweeps: int = 60
    burn_in: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.burn_in < self.sweeps:
            raise ValueError(f"burn_in must be from 0 to sweeps - 1. Got {self.burn_in} of {self.sweeps}.")


@dataclass(frozen=True)
class Sampled:
    """Expected pixels, each (examples, channels, height, width)."""

    mean: Tensor  # over the sweeps after the burn-in
    last: Tensor  # of the last sweep


@torch.no_grad()
def sample_joint(stack: Stack, v: Tensor, chain: Chain, known: Tensor | None = None) -> Sampled:
    """The pixels given those where `known` is true, under the joint energy of all layers: the sum of each layer's.

    v: (examples, channels, height, width), 0..1; what it holds where `known` is false (everywhere, without `known`) is
    only where the chain starts. A stack of one layer is sampled exactly; in a higher one each layer receives from below
    and from above in full, as in Lee et al. (2009), though it was trained with what is below alone.
    """
    rng = torch.Generator(v.device).manual_seed(chain.seed)
    v = stack.crbms[0].fit(v)
    fixed = torch.zeros_like(v, dtype=torch.bool) if known is None else known[..., : v.shape[-2], : v.shape[-1]]
    state, on, pooled = v, list[Tensor](), stack.activations(v)
    total, expected = torch.zeros_like(v), v
    for sweep in range(chain.sweeps):
        on = _up(stack, state, on, pooled, rng)
        expected = torch.where(fixed, v, stack.crbms[0].visible(on[0]))
        drawn = stack.crbms[0].sample_visible(on[0], rng)
        state = torch.where(fixed, v, drawn)
        total += expected if sweep >= chain.burn_in else 0
    return Sampled(total / (chain.sweeps - chain.burn_in), expected)


def _up(stack: Stack, v: Tensor, before: list[Tensor], pooled: list[Tensor], rng: torch.Generator) -> list[Tensor]:
    """A state of every layer's detection units, given the one below as it is now and the one above as it was."""
    below, on = v, []
    for number, crbm in enumerate(stack.crbms):
        top = received(stack, before, number, pooled[number].shape)
        state, pooled[number] = crbm.sample_hidden(crbm.fit(below), rng, top)
        on.append(state)
        below = pooled[number]
    return on
