"""What every layer still holds of its input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from .nets import Stack
from .ridge import readable

SEEN = 0.01  # of a map's variance must differ between inputs for their shapes to be seen in it
FAINT = 1e-24  # fraction below which 64-bit sums round away what differs between inputs
FLAT = 1e-9  # fraction below which the census's 32-bit sums tell no dimension
PROBED = (50, 100, 200)  # probes, fewer than all, by which R^2 is also told
READ = 0.5  # of the input's variance, held out, must be readable from a layer that still holds it


@dataclass(frozen=True)
class Row:
    """One layer; layer 0 is the input itself.

    seen: of the variance of the layer's map (the picture of the figure, all inputs on one scale), the fraction that
        differs between inputs; the rest is what every input gives alike.
    share: the same fraction of all activations: variance across inputs / mean square.
    unlike: 1 - mean Pearson correlation over pairs of inputs.
    readable: held-out R^2 of the input from the activations by ridge regression; None where `share` is
        below FAINT.
    readable_by: the same by the number of probes, of which two thirds are fitted: [number, R^2] each. It rises with
        them, so a layer that is unreadable with these probes may be readable with more.
    """

    layer: int
    seen: float
    share: float
    unlike: float
    readable: float | None
    readable_by: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Lost:
    """The layers at which information is lost; None where it never is.

    seen: the first from which on less than SEEN of the map's variance differs between inputs, as the eye sees it in the
        figure. read: the first from which on less than READ of the input can be read back linearly, however faint,
        among the layers where that can be told.
    untold: the layer from which on it cannot be told for any, 64-bit sums rounding away what differs between inputs;
        None where it can be told of the last layer.
    """

    seen: int | None
    read: int | None
    untold: int | None


def measure(net: Stack, probes: Tensor) -> tuple[Row, ...]:
    """A row for the input and for every layer of the net, in 64-bit numbers. probes: (examples, 1, 28, 28).

    All examples go through together; of each layer only an (examples, examples) matrix and its map are kept.
    """
    targets = probes.flatten(1).double()
    return tuple(_row(number, x, targets) for number, x in enumerate(activations(exact(net), probes.double())))


def exact(net: Stack) -> Stack:
    """A copy that computes in 64-bit numbers."""
    return deepcopy(net).double()


def differing(net: Stack, x: Tensor) -> tuple[float, ...]:
    """Only `Row.share`, of every layer but the input, in 64-bit numbers."""
    return tuple(_fraction(_scaled(layer)) for layer in activations(exact(net), x.double()))[1:]


def seen(net: Stack, probes: Tensor) -> tuple[float, ...]:
    """Only `Row.seen`, of the input and of every layer: fewer probes are enough for it."""
    return tuple(seen_fraction(map_of(x)) for x in activations(net, probes))


def lost(rows: Sequence[Row]) -> Lost:
    """At which layers the input is lost, by the two measures."""
    readable_from = [(row.layer, row.readable) for row in rows if row.readable is not None]
    unread = gone([value for _, value in readable_from], READ)
    last = readable_from[-1][0] if readable_from else -1
    untold = next((row.layer for row in rows if row.layer > last), None)
    read = None if unread is None else readable_from[unread][0]
    return Lost(gone([row.seen for row in rows], SEEN), read, untold)


def gone(values: Sequence[float], threshold: float) -> int | None:
    """The first place from which on every value is below the threshold; None where the last is not."""
    above = [index for index, value in enumerate(values) if value >= threshold]
    first = above[-1] + 1 if above else 0
    return first if first < len(values) else None


def activations(net: Stack, x: Tensor) -> Iterator[Tensor]:
    """The input and what every layer gives, (examples, channels, positions), one at a time."""
    with torch.no_grad():
        yield x.flatten(2)
        x = x if net.shape.kind == "conv" else x.flatten(1)
        for number, layer in enumerate(net.layer):
            x = layer(x)
            x = net.act[number](x) if number < len(net.act) else x
            yield x.flatten(2) if net.shape.kind == "conv" else x.unsqueeze(1)


def _row(number: int, x: Tensor, targets: Tensor) -> Row:
    flat = _scaled(x)
    fraction = _fraction(flat)
    apart = flat - flat.mean(0)
    apart = apart / apart.abs().max().clamp(min=1e-300)
    by: tuple[tuple[int, float], ...] = ()
    if fraction >= FAINT:
        gram = (apart @ apart.T).double()
        by = tuple((n, readable(gram[:n, :n], targets[:n])) for n in (*(p for p in PROBED if p < len(x)), len(x)))
    return Row(number, seen_fraction(map_of(x)), fraction, _unlike(flat), by[-1][1] if by else None, by)


def _scaled(x: Tensor) -> Tensor:
    """(examples, all); deep layers are faint."""
    flat = x.flatten(1)
    return flat / flat.abs().max().clamp(min=1e-300 if x.dtype == torch.float64 else 1e-30)


def _fraction(flat: Tensor) -> float:
    apart = flat - flat.mean(0)
    return float(apart.double().square().sum() / flat.double().square().sum().clamp(min=1e-300))


def _unlike(flat: Tensor) -> float:
    flat = flat.double()
    flat = flat - flat.mean(1, keepdim=True)
    size = flat.norm(dim=1, keepdim=True)
    flat = flat / size.clamp(min=1e-300)
    n = len(flat)
    return float(1 - (flat.sum(0).square().sum() - (size > 0).sum()) / (n * (n - 1)))


def map_of(x: Tensor) -> Tensor:
    """One picture of a layer for every input: its activations along their first right singular vector.

    x: (examples, channels, positions) -> (examples, positions). All inputs and positions are rows of one matrix, which
    is not centred; the sign is such that the vector's entries sum to more than 0.
    """
    rows = x.transpose(1, 2).flatten(0, 1)
    rows = rows / rows.abs().max().clamp(min=1e-30)
    _, vectors = torch.linalg.eigh((rows.T @ rows).double())
    first = vectors[:, -1]
    first = first if float(first.sum()) > 0 else -first
    maps: Tensor = rows.double() @ first
    return maps.reshape(x.shape[0], x.shape[2])


def seen_fraction(maps: Tensor) -> float:
    """Of the variance of the maps on one common scale, the fraction that differs between inputs, 0..1."""
    whole = (maps - maps.mean()).square().sum()
    return float((maps - maps.mean(0)).square().sum() / whole) if float(whole) > 0 else 0.0
