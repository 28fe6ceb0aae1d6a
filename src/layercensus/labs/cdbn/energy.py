"""The energy by which a layer's distributions are defined (Lee et al. 2009), and how likely a layer finds its input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks import probabilities
from .crbm import Crbm
from .nets import Stack


def energy(layer: Crbm, v: Tensor, h: Tensor) -> Tensor:
    """Of each joint state: (examples,)."""
    both = (h * nn.functional.conv2d(v, layer.weight, layer.hidden_bias)).sum((1, 2, 3))
    return (_of_visible(layer, v) - both) / layer.sigma.square()


def free_energy(layer: Crbm, v: Tensor) -> Tensor:
    """-log of the sum of exp(-energy) over all states of the hidden units: (examples,); lower: more likely.

    Only differences between inputs of one layer mean something: the constant that makes probabilities of it is unknown.
    """
    _, off = probabilities(layer.hidden_input(v), layer.form.pool)
    return _of_visible(layer, v) / layer.sigma.square() + off.clamp_min(1e-30).log().sum((1, 2, 3))


def _of_visible(layer: Crbm, v: Tensor) -> Tensor:
    linear = (v * layer.visible_bias[:, None, None]).sum((1, 2, 3))
    return (v.square().sum((1, 2, 3)) / 2 if layer.form.real else 0) - linear


BLOCK = 7  # pixels of a block's side


@dataclass(frozen=True)
class Likelier:
    """Of one layer: how often held-out images have less free energy than what was made of them; by chance .5."""

    layer: int
    training: float  # mean free energy of training images less that of held-out ones, over the latter's deviation
    below: dict[str, float]  # kind of control -> fraction of held-out images with less than their own control


@torch.no_grad()
def likelier(stack: Stack, images: Tensor, training: Tensor, controls: Mapping[str, Tensor]) -> list[Likelier]:
    """A row a layer, each fed with the pooling units of the one below.

    images: (examples, channels, height, width) held out. controls: of the same shape, made of the same rows.
    """
    rows = []
    for number, crbm in enumerate(stack.crbms):
        held_out = free_energy(crbm, crbm.fit(images))
        gap = float((free_energy(crbm, crbm.fit(training)).mean() - held_out.mean()) / held_out.std())
        below = {
            name: float((held_out < free_energy(crbm, crbm.fit(control))).double().mean())
            for name, control in controls.items()
        }
        rows.append(Likelier(number + 1, gap, below))
        images, training, *others = (stack.layer[number](x) for x in (images, training, *controls.values()))
        controls = dict(zip(controls, others, strict=True))
    return rows


def controls(images: Tensor, seed: int) -> dict[str, Tensor]:
    """What is made of held-out images: their pixels shuffled, blocks of 7 x 7 shuffled, halves of two images joined."""
    rng = torch.Generator().manual_seed(seed)
    return {
        "their pixels shuffled": _shuffled(images, 1, rng),
        "their blocks of 7 x 7 shuffled": _shuffled(images, BLOCK, rng),
        "the left half of another": _joined(images),
    }


def _shuffled(images: Tensor, side: int, rng: torch.Generator) -> Tensor:
    """Each image's blocks in an order of its own."""
    blocks = nn.functional.unfold(images, side, stride=side)  # (examples, pixels of a block, blocks)
    order = torch.stack([torch.randperm(blocks.shape[2], generator=rng) for _ in images]).to(images.device)
    mixed = blocks.gather(2, order[:, None].expand_as(blocks))
    return nn.functional.fold(mixed, images.shape[-2:], side, stride=side)


def _joined(images: Tensor) -> Tensor:
    """The right half of each image beside the left half of the next."""
    half = images.shape[-1] // 2
    return torch.cat([images.roll(1, 0)[..., :half], images[..., half:]], -1)
