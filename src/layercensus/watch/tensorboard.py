"""The scalars of a watch in TensorBoard."""

from __future__ import annotations

from os import PathLike
from typing import Any

from .missing import installed
from .scalars import Scalars, Tracker


def to_tensorboard(writer: Any) -> Tracker:
    """A tracker that writes to a `SummaryWriter`, or to a new one in the folder that is named.

    Raises:
        CensusError: tensorboard is not installed.
    """
    if isinstance(writer, (str, PathLike)):
        installed("tensorboard", "tensorboard")
        writer = installed("torch.utils.tensorboard", "tensorboard").SummaryWriter(writer)

    def track(step: int, scalars: Scalars) -> None:
        for name, value in scalars.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return track
