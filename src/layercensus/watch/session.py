"""A watch over a training run: counts steps, reads where it is due and affordable, and tells of what happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from torch import nn

from ..count.versions import versions
from ..errors import CensusError
from ..layers.net import unwrap
from ..settings import Integer, Number
from .alarms import Alarm, judge, not_finite
from .budget import Budget
from .entry import Entry, LayerInfo
from .kept import Kept
from .optimiser_steps import on_steps
from .options import WatchOptions
from .recorder import Recorder, recorder_of, untouched
from .scalars import Tracker, scalars_of
from .start import MOST, Start, bytes_of
from .statistics import settling_in
from .taken import take
from .timeline import Timeline

OnAlarm = Callable[[Alarm], Any]
Trackers = Tracker | Sequence[Tracker]


def watch(
    net: nn.Module, data: Any, *, every: int = 100, budget: float | None = 0.05, out: str | Path | None = None,
    to: Trackers = (), on_alarm: OnAlarm | None = None, options: WatchOptions | None = None,
) -> Watch:  # fmt: skip
    """A watch over the training of `net`: every so many steps its layers are counted on a small fixed panel of `data`.

    net: in training; its weights, buffers, modes and gradients, hooks and the generators of random numbers stay exactly
        as they are without a watch. data: as of `lc.take`, and such that it can be read again.
    every: steps between readings. The first is taken at once.
    budget: seconds of watching for each second of training, setting up included; a reading beyond it waits until it is
        affordable, that of the start with a copy of the weights. None: all are taken, whatever they cost.
    out: folder to which every reading is written at once; None: only `Watch.timeline` holds them.
    to: trackers, functions (step, scalars); see docs/watch.md for those of other libraries.
    on_alarm: is called with each alarm; what it raises ends the training.

    Use it as a context manager, which counts the steps of any torch optimiser that holds weights of the net, or call
    its `step()` after each step.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> optimiser = torch.optim.SGD(net.parameters(), 0.1)
    >>> with watch(net, torch.randn(64, 4), every=2, budget=None) as watching:
    ...     for _ in range(4):
    ...         loss = net(torch.randn(8, 4)).square().mean()
    ...         loss.backward()
    ...         optimiser.step()
    >>> watching.timeline.steps
    (0, 2, 4)

    Raises:
        CensusError: one line that says what must be changed.
    """
    if options is not None and not isinstance(options, WatchOptions):
        raise CensusError(f"options must be layercensus.WatchOptions. Got {type(options).__name__}.")
    share = None if budget is None else Number(0, 1)("budget", budget)
    trackers = (to,) if callable(to) else tuple(to)
    return Watch(
        net, data, every=Integer(1)("every", every), budget=Budget(share, perf_counter), out=out, to=trackers,
        on_alarm=on_alarm, options=options or WatchOptions(),
    )  # fmt: skip


class Watch:
    """A training run that is being watched, as `lc.watch` gives it: `step()` after each of its steps, then `close()`.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> watching = watch(net, torch.randn(64, 4), every=2, budget=None)
    >>> for _ in range(3):
    ...     watching.step(rate=0.1)  # after each step of a loop of your own
    >>> watching.close()
    >>> watching.timeline.steps
    (0, 2, 3)
    """

    def __init__(
        self, net: nn.Module, data: Any, *, every: int, budget: Budget, out: str | Path | None, to: Sequence[Tracker],
        on_alarm: OnAlarm | None, options: WatchOptions,
    ) -> None:  # fmt: skip
        self._net, self._every, self._budget, self._options = unwrap(net), every, budget, options
        self._to, self._on_alarm = to, on_alarm
        with budget.fixed(), untouched(self._net):
            self._recorder = recorder_of(self._net, data, options)
            budget.expect(self._recorder.rehearse)
        infos = tuple(map(LayerInfo.of, self._recorder.layers))
        self._kept = Kept.start(_about(self._recorder, options, every, budget.share), infos, out, options.resume)
        self.steps = max(options.start, self._kept.last_step or 0)
        self._uncount: Callable[[], None] | None = None
        self._counted = False  # by an optimiser's hook, in this step
        self._first = self.steps
        self._start = self._started()

    @property
    def timeline(self) -> Timeline:
        """Every reading until now."""
        return Timeline(self._kept.about, self._kept.infos, tuple(self._kept.entries))

    @property
    def cost(self) -> float:
        """Seconds of watching for each second of training until now, setting up included."""
        return self._budget.total / max(self._budget.trained, 1e-9)

    def step(self, step: int | None = None, *, rate: float | None = None) -> None:
        """One training step is done; where a reading is due and affordable it is taken.

        step: how many are done, where that is not one more than before, as after going on from a checkpoint. rate: the
        learning rate, for what alarms say.
        """
        counted, self._counted = self._counted, False
        if self._uncount is not None:  # from now on the caller counts
            self._uncount = self._uncount()  # None
        if not counted or step is not None:
            self._stepped(step, rate)

    def _stepped(self, step: int | None, rate: float | None) -> None:
        self.steps = self.steps + 1 if step is None else Integer(0)("step", step)
        if self._begun() and self._due() and self._budget.affords("activity"):
            self._read(self.steps, rate)

    def _due(self) -> bool:
        last = next((entry.step for entry in reversed(self._kept.entries) if entry.step < self.steps), None)
        return last is None or self.steps // self._every != last // self._every

    def _started(self) -> Start | None:
        """The net as it is now, where its reading must wait; a reading now where it need not, or cannot."""
        if self._kept.resumed:
            return None
        if not self._budget.affords_start() and bytes_of(self._net) <= MOST:
            with self._budget.fixed():
                return Start(self._net)
        with self._budget.fixed():
            self._read(self._first, None)
        return None

    def _begun(self) -> bool:
        """Whether the start was read, which is done as soon as it is affordable."""
        if self._start is not None and self._budget.affords_start():
            start, self._start = self._start, None
            with self._budget.fixed():
                self._read(self._first, None, start)
        return self._start is None

    def _read(self, step: int, rate: float | None, start: Start | None = None) -> None:
        """Take a reading, keep it, and tell of it. start: whose weights are read, in the place of the present ones."""
        before = self._kept.until(step)
        with self._budget.whole(), nullcontext() if start is None else start.standing_in():
            early = settling_in(self._net) or None
            taken = take(self._recorder, self._budget, before, self._options.needed_every)
        entry = Entry(
            step, taken.rows, rate, round(self._budget.trained, 3), round(self._budget.total, 3),
            failed=taken.failed, settling_in=early,
        )  # fmt: skip
        alarms = judge(self._kept.infos, [*before, entry], self._options.alarms)
        if taken.not_finite is not None:
            alarms = not_finite(taken.not_finite, [*before, entry])
        entry = replace(entry, alarms=[alarm.as_json() for alarm in alarms])
        self._kept.add(entry)
        for tracker in self._to:
            tracker(entry.step, scalars_of(entry))
        for alarm in alarms:
            if self._on_alarm is not None:
                self._on_alarm(alarm)

    def close(self) -> None:
        """End the watch with a reading of the net as it is now, where that is affordable."""
        if self._uncount is not None:
            self._uncount = self._uncount()  # None
        if self._begun() and (self._kept.last_step or 0) < self.steps and self._budget.affords("activity"):
            self._read(self.steps, None)
        if self._start is not None or self._budget.over:
            self._kept.note(self._beyond())
            self._start = None

    def _beyond(self) -> str:
        """What the budget did not hold."""
        budget = self._budget
        what = "No reading is affordable" if self._start is not None else "Watching took more than its budget"
        return (
            f"{what}: {budget.share:.1%} of {budget.trained:.1f} s of training are "
            f"{(budget.share or 0) * budget.trained:.2f} s, setting up and what was read took {budget.total:.2f} s, "
            f"the first reading some {budget.first:.2f} s. With budget=None everything is read, whatever it costs."
        )

    def __enter__(self) -> Self:
        self._uncount = on_steps(self._net, self._by_optimiser)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif self._uncount is not None:
            self._uncount = self._uncount()  # None

    def _by_optimiser(self, rate: float | None) -> None:
        self._counted = True
        self._stepped(None, rate)


def _about(recorder: Recorder, options: WatchOptions, every: int, share: float | None) -> dict[str, Any]:
    """What is said of a timeline, as JSON."""
    keys = recorder.panel.keys.sort().values.numpy().tobytes()
    return {
        "model": recorder.panel.model.name, "data": recorder.panel.source.name, "every": every, "budget": share,
        "examples": len(recorder.panel.keys), "panel": sha256(keys).hexdigest()[:16],
        "views": recorder.panel.views.name, "options": options.as_json(), "versions": versions(),
    }  # fmt: skip
