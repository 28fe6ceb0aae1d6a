"""What the callbacks of all trainers share: a watch that begins with the training and ends with it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from ..errors import CensusError
from .options import WatchOptions
from .scalars import Tracker
from .session import Watch, watch
from .timeline import Timeline


class Watching:
    """Mixed into a trainer's own class of callbacks, whose hooks call `begin`, `stepped` and `end`.

    data, watching: as of `lc.watch`.

    Raises:
        CensusError: `watching` holds something that `lc.watch` does not take.
    """

    def __init__(self, data: Any, watching: Mapping[str, Any]) -> None:
        known = [name for name in inspect.signature(watch).parameters if name not in ("net", "data")]
        unknown = [name for name in watching if name not in known]
        if unknown:
            raise CensusError(f"A callback takes {', '.join(known)}. Got {unknown[0]!r}.")
        super().__init__()
        self._watched, self._watching = data, watching
        self._watch: Watch | None = None

    def begin(self, net: nn.Module, step: int, *more: Tracker) -> None:
        """There is a net, with so many steps done; more: trackers beside the user's own."""
        options, to = self._watching.get("options") or WatchOptions(), self._watching.get("to", ())
        trackers = [*((to,) if callable(to) else to), *more]
        given = {**self._watching, "options": replace(options, start=step), "to": trackers}
        self._watch = watch(net, self._watched, **given)

    def stepped(self, step: int, rate: float | None) -> None:
        """So many steps are done; called again within one step, or where nothing has begun, it does nothing."""
        if self._watch is not None and step > self._watch.steps:
            self._watch.step(step, rate=rate)

    def end(self) -> None:
        """The training has ended."""
        if self._watch is not None:
            self._watch.close()

    @property
    def timeline(self) -> Timeline | None:
        """Every reading until now; None before the training, and in a process that does not read."""
        return None if self._watch is None else self._watch.timeline
