"""The budget is kept by itself, whatever a reading costs."""

from __future__ import annotations

import contextlib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.watch.budget import Budget
from layercensus.watch.start import Start

from .runs import OPTIONS, examples, net_of


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


def test_what_is_fixed_falls_on_all_purses_also_after_an_error() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    with contextlib.suppress(KeyError), budget.fixed(), budget.paying("activity"):
        clock.now += 10
        raise KeyError
    assert budget.spent == pytest.approx({"activity": 2.5, "units": 3.5, "needed": 4})
    assert budget.cost == {"activity": 10}


def test_without_a_limit_everything_is_affordable() -> None:
    clock = Clock()
    budget = Budget(None, clock)
    with budget.paying("needed"):
        clock.now += 1e6
    assert budget.affords("needed")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(import_module("layercensus.watch.session"), "perf_counter", clock)
    return clock


def passing(clock: Clock, slow: float) -> nn.Module:
    """A net each pass of which takes so long, and nothing else takes time."""
    net = net_of()
    net.register_forward_pre_hook(lambda module, args: setattr(clock, "now", clock.now + slow))
    return net


@pytest.mark.parametrize("steps", [0, 7, 100, 400])
@pytest.mark.parametrize("slow", [0.0003, 0.02, 2.0])
def test_the_budget_holds_however_short_the_run_and_slow_the_net(slow: float, steps: int, clock: Clock) -> None:
    """A training step takes .1 s. What cannot be put off is setting up: where that is too much, it is said."""
    every = max(5, steps // 6)
    watch = lc.watch(passing(clock, slow), torch.randn(64, 12), every=every, options=lc.WatchOptions(panel=64))
    setting_up = clock.now
    for _ in range(steps):
        clock.now += 0.1
        watch.step()
    watch.close()
    watched = clock.now - 0.1 * steps
    assert watched == pytest.approx(watch.cost * 0.1 * steps) or not steps
    assert watched <= max(0.05 * 0.1 * steps, setting_up) + 1e-9
    timeline = watch.timeline
    if 0.05 * 0.1 * steps < setting_up:
        assert len(timeline) == 0
        assert f"No reading is affordable: 5.0% of {0.1 * steps:.1f} s of training are" in str(timeline)
    assert bool(timeline.notes) == (len(timeline) == 0)
    if len(timeline):
        assert timeline.steps[0] == 0


def test_a_fast_net_is_read_as_often_as_asked_once_the_start_is_paid_for(clock: Clock) -> None:
    watch = lc.watch(passing(clock, 1e-5), torch.randn(64, 12), every=5, options=lc.WatchOptions(panel=64))
    for _ in range(20):
        clock.now += 0.1
        watch.step()
    assert watch.timeline.steps == (0, 5, 10, 15, 20)


def trained(clock: Clock, **watching: Any) -> tuple[dict[str, Tensor], lc.Timeline | None]:
    """Twelve steps, each half of which passes between the forward and the backward pass, where the watch is told."""
    x, y = examples()
    net = passing(clock, 6e-3)
    optimiser = torch.optim.Adam(net.parameters(), 0.05)
    watch = lc.watch(net, x, every=100, options=OPTIONS, **watching) if watching else None
    for _ in range(12):
        loss = nn.functional.cross_entropy(net(x), y)
        clock.now += 1
        if watch is not None:
            watch.step()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.state_dict(), None if watch is None else watch.timeline


def test_a_start_that_is_read_late_is_the_start_and_disturbs_nothing(clock: Clock) -> None:
    plain, _ = trained(clock)
    weights, late = trained(clock, budget=0.05)
    _, at_once = trained(clock, budget=None)
    assert late is not None
    assert at_once is not None
    assert all(torch.equal(plain[name], weights[name]) for name in plain)
    assert late.steps[0] == at_once.steps[0] == 0
    trained_until = late.entries[0].trained
    assert trained_until is not None
    assert 1 < trained_until < 12  # it was read after weights had changed
    for layer, row in late.entries[0].rows.items():
        assert row.items() <= at_once.entries[0].rows[layer].items()


def test_a_start_stands_in_for_shared_recurrent_and_normalised_weights() -> None:
    torch.manual_seed(0)
    net = nn.ModuleDict({"rnn": nn.LSTM(3, 4), "norm": nn.BatchNorm1d(4), "a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
    net["b"].weight = net["a"].weight

    def answer() -> Tensor:
        y = net["b"](net["a"](net["norm"](net["rnn"](x)[0][-1])))
        return y.detach()

    x, own = torch.randn(5, 2, 3), dict(net.named_parameters())
    before, start = answer(), Start(net.eval())
    before = answer()
    with torch.no_grad():
        for value in (*net.parameters(), net["norm"].running_mean):
            value.add_(0.5)
    after = answer()
    with start.standing_in():
        assert torch.equal(answer(), before)
        assert net["a"].weight is net["b"].weight
    assert torch.equal(answer(), after)
    assert not torch.equal(before, after)
    assert all(net.get_parameter(name) is value for name, value in own.items())


def test_a_large_net_is_read_at_once_and_not_kept_twice(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("layercensus.watch.session"), "MOST", 100)
    watch = lc.watch(passing(clock, 1e-3), torch.randn(64, 12), options=lc.WatchOptions(panel=64))
    assert watch.timeline.steps == (0,)
    watch.close()
    assert "Watching took more than its budget" in str(watch.timeline)


def test_what_was_not_affordable_stands_in_the_folder_too(clock: Clock, tmp_path: Path) -> None:
    options = lc.WatchOptions(panel=64)
    lc.watch(passing(clock, 1e-3), torch.randn(64, 12), out=tmp_path, options=options).close()
    assert lc.Timeline.load(tmp_path).notes[0].startswith("No reading is affordable")
    assert "No reading is affordable" in lc.Timeline.load(tmp_path).report(tmp_path / "page").read_text("utf-8")
