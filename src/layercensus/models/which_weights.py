"""Which weights a name asks for: those of a hub, a file's, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ..errors import CensusError, first_line
from .state import load_state

UNTRAINED = "untrained"  # behind the @ of a name: random weights, drawn with seed 0


@dataclass(frozen=True)
class Asked:
    """A name taken apart at its last @."""

    name: str
    weights: str | None  # None: the hub's own

    @property
    def hub(self) -> bool:
        """Whether the weights are to come from the hub."""
        return self.weights is None

    @property
    def file(self) -> Path | None:
        """The file or folder that holds the weights, where they come from one."""
        return None if self.weights in (None, UNTRAINED) else Path(str(self.weights))


def asked_of(text: str) -> Asked:
    """What a name such as "resnet50", "resnet50@untrained" or "resnet50@weights.safetensors" asks for.

    >>> asked_of("resnet50@weights.pt").file
    PosixPath('weights.pt')
    >>> asked_of("resnet50@untrained").hub
    False
    """
    name, at, weights = text.rpartition("@")
    return Asked(name, weights) if at and name else Asked(text, None)


def filled(net: nn.Module, asked: Asked, what: str) -> str:
    """Load the weights of a file into a net, where one was named; where its weights come from, in words."""
    if asked.file is not None:
        load_state(net, asked.file, what)
        return f"the file {asked.file.name}"
    return "the hub" if asked.hub else "nowhere: random, as the architecture initialises itself"


def no_weights(what: str, error: BaseException) -> CensusError:
    """The line for weights that a hub did not give."""
    return CensusError(
        f"{what} cannot be loaded: the hub did not give its weights ({first_line(error)}). "
        f"Give a local file, {what}@FILE.safetensors, or random weights, {what}@{UNTRAINED}."
    )
