"""The budget is kept by itself, whatever a reading costs."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

import layercensus as lc
from layercensus.watch.budget import Budget

from .runs import net_of


class Clock:
    """Time that passes only where it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_part_is_affordable_once_enough_time_was_trained() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    with budget.paying("activity"):
        clock.now += 2
    assert not budget.affords("activity")
    clock.now += 159  # 2 s spent and 2 s to come are a tenth of a quarter of 160 s
    assert not budget.affords("activity")
    clock.now += 1.5
    assert budget.affords("activity")
    assert (budget.total, budget.trained) == (2, 160.5)


def test_what_passes_beside_the_parts_of_a_reading_is_paid_for() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    with budget.whole():
        clock.now += 1
        with budget.paying("needed"):
            clock.now += 5
        clock.now += 2
    assert budget.spent == {"activity": 3, "units": 0, "needed": 5}


def test_without_a_limit_everything_is_affordable() -> None:
    clock = Clock()
    budget = Budget(None, clock)
    with budget.paying("needed"):
        clock.now += 1e6
    assert budget.affords("needed")


@pytest.mark.parametrize(("slow", "steps"), [(0.001, 100), (0.05, 1000), (2.0, 500)])
def test_a_slow_net_is_read_less_often(slow: float, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training step takes .1 s of the clock, and each pass of the net on the panel `slow`; only that takes time."""
    clock = Clock()
    monkeypatch.setattr(import_module("layercensus.watch.session"), "perf_counter", clock)
    net = net_of()
    net.register_forward_pre_hook(lambda module, args: setattr(clock, "now", clock.now + slow))
    watch = lc.watch(net, torch.randn(64, 12), every=5, options=lc.WatchOptions(panel=64))
    first = clock.now
    for _ in range(steps):
        clock.now += 0.1
        watch.step()
    watch.close()
    trained = 0.1 * steps
    assert clock.now - trained <= max(0.05 * trained, first) + 1e-9
    if slow < 0.01:
        assert watch.timeline.steps[:3] == (0, 5, 10)
    assert (len(watch.timeline) > 1) == (
        first < 0.05 * trained
    )  # what began on credit is paid back before more is read
