"""The energy by which a layer's distributions are defined (Lee et al. 2009), for the tests that check them."""

from __future__ import annotations

from torch import Tensor, nn

from layercensus.labs.cdbn.blocks import probabilities
from layercensus.labs.cdbn.crbm import Crbm


def energy(layer: Crbm, v: Tensor, h: Tensor) -> Tensor:
    """Of each joint state: (examples,)."""
    both = (h * nn.functional.conv2d(v, layer.weight, layer.hidden_bias)).sum((1, 2, 3))
    return (_of_visible(layer, v) - both) / layer.sigma.square()


def free_energy(layer: Crbm, v: Tensor) -> Tensor:
    """-log of the sum of exp(-energy) over all states of the hidden units: (examples,)."""
    _, off = probabilities(layer.hidden_input(v), layer.form.pool)
    return _of_visible(layer, v) / layer.sigma.square() + off.log().sum((1, 2, 3))


def _of_visible(layer: Crbm, v: Tensor) -> Tensor:
    linear = (v * layer.visible_bias[:, None, None]).sum((1, 2, 3))
    return (v.square().sum((1, 2, 3)) / 2 if layer.form.real else 0) - linear
