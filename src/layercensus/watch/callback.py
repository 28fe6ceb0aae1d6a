"""What the callbacks of all trainers share: a watch that begins with the training and ends with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from ..errors import CensusError
from .options import WatchOptions
from .scalars import Tracker
from .session import Watch, watch
from .timeline import Timeline

Begin = Callable[..., "Opened"]  # (net, steps done, more trackers)


@dataclass(frozen=True)
class Opened:
    """A watch under way."""

    watch: Watch

    def step(self, step: int, rate: float | None) -> None:
        """So many steps are done; called again within one step it does nothing."""
        if step > self.watch.steps:
            self.watch.step(step, rate=rate)

    def close(self) -> None:
        """The training has ended."""
        self.watch.close()

    @property
    def timeline(self) -> Timeline:
        """Every reading until now."""
        return self.watch.timeline


def opener(data: Any, watching: Mapping[str, Any]) -> Begin:
    """How a watch begins, once there is a net.

    Raises:
        CensusError: `watching` holds something that `lc.watch` does not take.
    """
    known = [name for name in inspect.signature(watch).parameters if name not in ("net", "data")]
    unknown = [name for name in watching if name not in known]
    if unknown:
        raise CensusError(f"A callback takes {', '.join(known)}. Got {unknown[0]!r}.")

    def begin(net: nn.Module, step: int, *more: Tracker) -> Opened:
        options = watching.get("options") or WatchOptions()
        to = watching.get("to", ())
        trackers = [*((to,) if callable(to) else to), *more]
        given = {**watching, "options": replace(options, start=step), "to": trackers}
        return Opened(watch(net, data, **given))

    return begin
