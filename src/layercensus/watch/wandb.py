"""The scalars of a watch in Weights & Biases."""

from __future__ import annotations

from typing import Any

from ..errors import CensusError
from .missing import installed
from .scalars import PREFIX, Scalars, Tracker

STEP = f"{PREFIX}/step"


def to_wandb(run: Any = None) -> Tracker:
    """A tracker that logs to a run of W&B; None: the one that `wandb.init` has begun.

    The numbers have an axis of their own, layercensus/step, so that they fit beside whatever else the run logs.

    Raises:
        CensusError: wandb is not installed, or no run has begun.
    """
    if run is None:
        run = installed("wandb", "wandb").run
    if run is None:
        raise CensusError("A run of W&B must have begun. Got none. Call wandb.init() first, or pass the run.")
    run.define_metric(STEP)
    run.define_metric(f"{PREFIX}/*", step_metric=STEP)

    def track(step: int, scalars: Scalars) -> None:
        run.log({STEP: step, **scalars})

    return track
