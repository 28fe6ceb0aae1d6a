"""What a stack takes its input for: inference with the top-down term, reconstruction, completion of what is hidden."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .nets import Stack


@dataclass(frozen=True)
class Inference:
    """How to infer. sweeps: passes through all layers; sample: block-Gibbs states instead of mean-field probabilities.

    top_down: each layer receives from the one above it; without, only from the one below.
    """

    sweeps: int = 10
    top_down: bool = True
    sample: bool = False
    seed: int = 0


@dataclass(frozen=True)
class State:
    """What was inferred. on: detection units of every layer; pooled: pooling units of every layer."""

    visible: Tensor  # (examples, channels, height, width)
    on: list[Tensor]  # (examples, units, height, width) each
    pooled: list[Tensor]  # (examples, units, height, width) each


def received(stack: Stack, on: list[Tensor], number: int, shape: torch.Size) -> Tensor | None:
    """What the pooling units of layer `number` receive from above; None at the top and before the first state.

    That layer's visible bias is left out: its part in the joint energy is played by the hidden bias below. Where the
    layer above does not reach, because its blocks do not tile the map, pooling units receive 0.
    """
    if number + 1 >= len(on):
        return None
    crbm, above = stack.crbms[number + 1], on[number + 1]
    down = crbm.down(above) - crbm.visible_bias[:, None, None]
    short = [whole - part for whole, part in zip(shape[-2:], down.shape[-2:], strict=True)]
    return torch.nn.functional.pad(down, (0, short[1], 0, short[0]))


@torch.no_grad()
def infer(stack: Stack, v: Tensor, options: Inference, known: Tensor | None = None) -> State:
    """The state of all layers given an input (examples, channels, height, width); `visible` is what they expect of it.

    known: of the same shape, true where the input is given; there `visible` is the input itself. The rest of the input
    is no evidence: it stays 0 and only what the layers expect there is returned. Fed back as if it had been seen, it
    would confirm itself, and the top-down term would drive all units on.
    """
    rng = torch.Generator(v.device).manual_seed(options.seed)
    v = stack.crbms[0].fit(v)
    known = None if known is None else known[..., : v.shape[-2], : v.shape[-1]]
    evidence = v if known is None else torch.where(known, v, torch.zeros_like(v))
    pooled = stack.activations(evidence)
    on: list[Tensor] = []
    for _ in range(options.sweeps if options.top_down or options.sample else 1):
        on = _sweep(stack, evidence, on, pooled, options, rng)
    expected = stack.crbms[0].visible(on[0])
    return State(expected if known is None else torch.where(known, v, expected), on, pooled)


def _sweep(
    stack: Stack, v: Tensor, before: list[Tensor], pooled: list[Tensor], options: Inference, rng: torch.Generator
) -> list[Tensor]:
    """The detection units of all layers, each from the one below as it is now and the one above as it was before."""
    below, on = v, []
    for number, crbm in enumerate(stack.crbms):
        top = received(stack, before, number, pooled[number].shape) if options.top_down else None
        fitted = crbm.fit(below)
        state, pooled[number] = crbm.sample_hidden(fitted, rng, top) if options.sample else crbm.hidden(fitted, top)
        on.append(state)
        below = pooled[number]
    return on
