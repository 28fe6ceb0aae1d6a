"""The nets of one count, and the key under which anything of one layer of one net is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

from torch import nn

from ..layers.layer import Layer
from ..measures.trend_layers import common_width, of_trend

TRAINED, TWIN = "trained", "twin"
BETWEEN = "|"  # the parts of a key, where it is written down


class LayerKey(NamedTuple):
    """One layer of one net."""

    net: str  # "trained", "twin", "replica0", ...
    layer: str  # dotted name

    @property
    def text(self) -> str:
        """The key as the name of a tensor in a file."""
        return f"{self.net}{BETWEEN}{self.layer}"

    @classmethod
    def read(cls, text: str) -> LayerKey:
        """The key whose `text` this is."""
        net, _, layer = text.partition(BETWEEN)
        return cls(net, layer)


@dataclass(frozen=True)
class Net:
    """A net under count and those of its layers that are counted."""

    name: str  # how it is called in tables and files
    net: nn.Module
    layers: tuple[Layer, ...]

    def key(self, layer: Layer) -> LayerKey:
        """The key of one of its layers."""
        return LayerKey(self.name, layer.name)

    def layer(self, name: str) -> Layer:
        """Its own layer of this name, whose width may differ from the trained net's."""
        return next(layer for layer in self.layers if layer.name == name)


@dataclass(frozen=True)
class Nets:
    """The net in question, its untrained twin, and other training runs of it; iterated in this order."""

    trained: Net
    twin: Net | None = None
    replicas: tuple[Net, ...] = ()

    def __iter__(self) -> Iterator[Net]:
        yield self.trained
        if self.twin is not None:
            yield self.twin
        yield from self.replicas

    @property
    def alone(self) -> bool:
        """Whether every example passes by itself, since in company some counted layer does not tell them apart."""
        return any(layer.alone is not None for net in self for layer in net.layers)

    @property
    def keys(self) -> dict[LayerKey, Layer]:
        """Every layer of every net."""
        return {net.key(layer): layer for net in self for layer in net.layers}

    @property
    def narrowest(self) -> int:
        """Units to which all counts are rarefied: `common_width` of the layers that a trend is read from."""
        return common_width([layer.width for layer in self.of_trend or self.trained.layers])

    @property
    def of_trend(self) -> tuple[Layer, ...]:
        """The trained net's layers that a trend over depth is read from."""
        layers = self.trained.layers
        return tuple(compress(layers, of_trend([layer.role for layer in layers])))

    def compared(self, layer: Layer) -> bool:
        """Whether a trend is read from the layer of this name."""
        return any(layer.name == other.name for other in self.of_trend)


def replica(number: int) -> str:
    """The name of a further training run."""
    return f"replica{number}"


def untrained_net(number: int) -> str:
    """The name of a further untrained net, beside the twin: 1, 2, ..."""
    return f"untrained{number}"


def shuffled_net(number: int) -> str:
    """The name of a net with the trained one's own weights shuffled within each tensor: 0, 1, ..."""
    return f"shuffled{number}"
