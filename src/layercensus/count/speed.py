"""How fast a count is beside the bare forward passes that it makes, for its progress bar."""

from __future__ import annotations

import time
from typing import Any

import torch

from ..data.batch import Batch
from ..layers.device import device_of
from ..layers.modes import evaluating
from ..layers.net import call
from .plan import Plan
from .read_batch import BatchReadings

AFTER = 2  # batches, by when everything is warm


class Speed:
    """Shows in a bar which fraction of a count's time its own forward passes would take without it.

    Cost: three bare passes of one batch, where the bar is shown and examples pass together.
    """

    def __init__(self, plan: Plan, bar: Any) -> None:
        self._plan, self._bar, self._batches = plan, bar, 0
        self._bare = 0.0  # seconds of an example in one net
        self._began, self._passes = 0.0, 0  # when the clock began, and passes of an example since then

    def note(self, batch: Batch, readings: BatchReadings) -> None:
        """A batch has been read."""
        if self._bar.disable or self._plan.nets.alone:
            return
        self._batches += 1
        if self._batches == AFTER:
            self._bare = bare_seconds(self._plan, batch)
            self._began = time.perf_counter()
        elif self._batches > AFTER:
            self._passes += (len(batch.ids) + 2 * len(readings.rows)) * len(list(self._plan.nets))
            self._bar.set_postfix_str(f"{self.share:.0%} of it bare passes", refresh=False)

    @property
    def share(self) -> float:
        """Of the time since the clock began, 0..1."""
        return min(1.0, self._bare * self._passes / max(1e-9, time.perf_counter() - self._began))


def bare_seconds(plan: Plan, batch: Batch) -> float:
    """Seconds of one example of a batch in the net in question and nothing else, its way to the device included."""
    net, seconds = plan.nets.trained.net, []
    device = device_of(net)
    with evaluating(net):
        for _ in range(3):
            begun = time.perf_counter()
            call(net, batch.for_net(net))
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - begun)
    return min(seconds) / len(batch.ids)
