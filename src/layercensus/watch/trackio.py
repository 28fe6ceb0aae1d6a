"""The scalars of a watch in trackio."""

from __future__ import annotations

from .missing import installed
from .scalars import Scalars, Tracker


def to_trackio() -> Tracker:
    """A tracker that logs to the run that `trackio.init` has begun.

    Raises:
        CensusError: trackio is not installed.
    """
    trackio = installed("trackio", "trackio")

    def track(step: int, scalars: Scalars) -> None:
        trackio.log(dict(scalars), step=step)

    return track
