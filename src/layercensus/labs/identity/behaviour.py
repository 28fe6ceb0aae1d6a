"""What a net returns: is it nearer to what came in (identity) or to the training image (constant)?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .inputs import Inputs

SIMILARITIES = tuple(step / 10 for step in range(11))
FLAT = 1e-4  # of the other picture's deviation: below it is rounding
GREY = 0.5
MIXED = 4  # pictures of each similarity


@dataclass(frozen=True)
class Kind:
    """One kind of test picture: means over its pictures."""

    kind: str
    identity: float  # Pearson correlation, over pixels, of the output with the input
    constant: float  # ... with the training image
    identity_error: float  # mean squared error to the input / the input's variance
    constant_error: float  # ... to the training image / its variance
    off_slope: float  # mean size of the slope with which the output follows the input's part off the training image


@dataclass(frozen=True)
class Behaviour:
    """What one net does with every kind, and over the similarity of the input to the training image."""

    kinds: tuple[Kind, ...]
    identity: tuple[float, ...]  # correlation with the input, one for each of SIMILARITIES
    constant: tuple[float, ...]  # correlation with the training image
    blank: float  # variance over positions / mean square of what it returns for a picture of one grey

    @property
    def margins(self) -> tuple[float, ...]:
        """identity - constant of every kind: above 0 the net copies, below 0 it recites."""
        return tuple(kind.identity - kind.constant for kind in self.kinds)


def behave(net: nn.Module, inputs: Inputs) -> Behaviour:
    """What the net returns for every kind of test picture, and for mixtures with the training image."""
    kinds = tuple(_kind(name, net, x, inputs.training) for name, x in inputs.kinds.items())
    identity, constant = zip(*(_mixed(net, inputs, similarity) for similarity in SIMILARITIES), strict=True)
    return Behaviour(kinds, identity, constant, _blank(net, inputs.training))


def _kind(name: str, net: nn.Module, x: Tensor, training: Tensor) -> Kind:
    with torch.no_grad():
        out = net(x).flatten(1).double()
    x, training = x.flatten(1).double(), training.flatten(1).double()
    off = x - training * (x @ training.T) / training.square().sum()
    slope = (out * off).sum(1) / off.square().sum(1)
    return Kind(
        name, float(correlation(out, x).mean()), float(correlation(out, training).mean()),
        float(_error(out, x).mean()), float(_error(out, training).mean()), float(slope.abs().mean()),
    )  # fmt: skip


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's, of every row of a with that of b; one that varies less than FLAT times b: 0."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    size = a.norm(dim=1) * b.norm(dim=1)
    return torch.where(a.norm(dim=1) > FLAT * b.norm(dim=1), (a * b).sum(1) / size.clamp(min=1e-30), 0.0)


def _blank(net: nn.Module, like: Tensor) -> float:
    with torch.no_grad():
        out = net(torch.full_like(like, GREY)).double()
    return float(out.var(correction=0) / out.square().mean().clamp(min=1e-300))


def _error(out: Tensor, wanted: Tensor) -> Tensor:
    return (out - wanted).square().mean(1) / wanted.var(1, correction=0)


def _mixed(net: nn.Module, inputs: Inputs, similarity: float) -> tuple[float, float]:
    x = mixture(inputs.training, inputs.kinds["other digits"][:MIXED], similarity)
    with torch.no_grad():
        out = net(x).flatten(1).double()
    training = inputs.training.flatten(1).double()
    return float(correlation(out, x.flatten(1).double()).mean()), float(correlation(out, training).mean())


def mixture(training: Tensor, others: Tensor, similarity: float) -> Tensor:
    """Pictures that correlate with the training image by exactly `similarity`, of its mean and deviation.

    (examples, 1, 28, 28); made from the training image and what each other picture has beside it. Single pixels may
    leave 0..1.
    """
    t = training.flatten(1).double()
    mean, deviation = t.mean(), t.std(correction=0)
    t = (t - mean) / deviation
    rest = others.flatten(1).double()
    rest = rest - rest.mean(1, keepdim=True)
    rest = rest - t * (rest @ t.T) / t.shape[1]
    rest = rest / rest.std(1, correction=0, keepdim=True)
    mixed = similarity * t + (1 - similarity**2) ** 0.5 * rest
    pictures: Tensor = mixed * deviation + mean
    return pictures.float().reshape(others.shape)
