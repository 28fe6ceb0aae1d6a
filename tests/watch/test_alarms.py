"""What is planted is flagged in the interval in which it happens, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.watch.alarms import judge
from layercensus.watch.entry import Entry, LayerInfo

from .runs import CLASSES, OPTIONS, collapsing, killing, net_of, reader_of, run


@pytest.mark.parametrize(("at", "interval"), [(40, (20, 40)), (41, (40, 60))])
def test_a_dying_layer_is_flagged_where_it_dies(at: int, interval: tuple[int, int]) -> None:
    told: list[object] = []
    timeline = run(planted=killing(at, units=8), on_alarm=told.append)
    assert [(a.kind, a.layer, a.since, a.step) for a in timeline.alarms] == [("dying", "3", *interval)]
    assert (timeline.alarms[0].before, timeline.alarms[0].value) == (0, 8)
    assert str(timeline.alarms[0]) == (
        f"3: 40% of 20 units died between steps {interval[0]} and {interval[1]}, learning rate 0.01"
    )
    assert told == list(timeline.alarms)
    assert timeline.table("dead").loc["3", interval[1]] == 8
    assert timeline.table("dead_bound").loc["3", interval[1]] == 3 / 64


def test_fewer_than_the_threshold_are_no_alarm_and_the_threshold_can_be_set() -> None:
    assert run(planted=killing(21, units=3)).alarms == ()
    sharp = lc.WatchOptions(panel=64, alarms=lc.Thresholds(dying=0.15))
    assert [a.step for a in run(planted=killing(21, units=3), options=sharp).alarms] == [40]


def test_units_that_die_a_few_at_a_time_are_flagged_once_there_are_enough() -> None:
    def slowly(net: nn.Sequential, step: int) -> None:
        killing(step, units=step // 10)(net, step)

    timeline = run(planted=slowly, steps=80)
    assert [(a.since, a.step) for a in timeline.alarms] == [(20, 40), (60, 80)]
    assert timeline.alarms[0].value == 4


def test_a_collapse_of_what_is_needed_is_flagged_where_it_happens() -> None:
    timeline = run(planted=collapsing(61), steps=120)
    assert timeline.table("needed").loc["3", 80] == 1
    assert {(a.kind, a.since, a.step) for a in timeline.alarms} == {("collapse", 60, 80)}
    assert "3" in {a.layer for a in timeline.alarms}


def test_a_layer_dead_at_the_start_is_flagged_at_once() -> None:
    net = net_of()
    with torch.no_grad():
        net[0].bias[:10] = -100
    watch = lc.watch(net, torch.randn(64, 12), budget=None, options=OPTIONS)
    assert [(a.kind, a.layer, a.step, a.value) for a in watch.timeline.alarms] == [("dead at start", "1", 0, 10)]
    assert str(watch.timeline.alarms[0]) == "1: 50% of 20 units are dead at step 0"


def test_weights_that_become_nan_are_an_alarm_and_not_an_error() -> None:
    def broken(net: nn.Sequential, step: int) -> None:
        if step == 21:
            net[2].weight.data[0, 0] = torch.nan

    timeline = run(planted=broken)
    assert [(a.kind, a.layer, a.since, a.step) for a in timeline.alarms] == [
        ("not finite", "1", 20, 40)
    ]  # after one step all are
    assert timeline.steps == (0, 20, 40, 60)


def test_what_dies_and_collapses_in_a_transformer_is_flagged_where_it_does() -> None:
    def both(net: nn.Sequential, step: int) -> None:
        killing(81, units=8, module="block.linear1")(net, step)
        collapsing(101, module="out")(net, step)

    timeline = run(planted=both, steps=120, make=reader_of)
    assert [(a.kind, a.layer, a.since, a.step) for a in timeline.alarms if a.kind == "dying"] == [
        ("dying", "block.relu", 80, 100)
    ]
    assert {(a.since, a.step) for a in timeline.alarms if a.kind == "collapse"} == {(100, 120)}
    assert len(timeline.alarms) >= 2


def normalised(seed: int) -> nn.Sequential:
    """Its running means are far from those of the data at first, so that every unit seems dead."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(12, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, CLASSES))
    with torch.no_grad():
        net[0].bias.fill_(-60)
    return net


def test_nothing_is_judged_while_running_statistics_settle_in() -> None:
    """44 steps at torch's momentum; what dies afterwards is flagged."""
    timeline = run(planted=killing(81, units=8, module="1"), make=normalised, steps=100, every=10)
    early = [entry.step for entry in timeline.entries if entry.settling_in]
    assert early == [0, 10, 20, 30, 40]
    dead = timeline.table("dead").loc["2"]
    assert dead[0] == 20
    assert dead[50] == 0
    assert [(a.kind, a.layer, a.since, a.step) for a in timeline.alarms] == [("dying", "2", 80, 90)]
    frozen = normalised(0)
    frozen[1].eval()
    watch = lc.watch(frozen, torch.randn(64, 12), budget=None, options=OPTIONS)
    assert [a.kind for a in watch.timeline.alarms if a.layer == "2"] == ["dead at start"]


def needing(*values: int) -> list[Entry]:
    """Readings of a layer that needs so many directions, known to one more or less."""
    return [
        Entry(step, {"a": {"needed": value, "needed_low": value - 1, "needed_high": value + 1}})
        for step, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "alarms"),
    [
        ((30, 24, 16, 9, 4, 1), 0),  # an untrained net learns
        ((30, 24, 20, 20, 20, 2), 1),
        ((30, 24, 20, 20, 2), 0),  # two readings are no level
        ((30, 12, 12, 12, 12, 6, 2), 1),  # by way of a half
        ((30, 5, 10, 15, 20, 4), 1),  # what rises does not fall
    ],
)
def test_a_collapse_is_a_fall_from_a_level(values: tuple[int, ...], alarms: int) -> None:
    layer = LayerInfo("a", 40, "neurons", "ReLU")
    found = judge([layer], needing(*values), lc.Thresholds())
    assert [a.kind for a in found] == ["collapse"] * alarms


@pytest.mark.parametrize("make", [net_of, reader_of])
def test_a_healthy_run_has_no_alarm(make: Callable[[int], nn.Module]) -> None:  # benchmarks/watch.py: 20 runs
    assert run(make=make).alarms == ()


def test_what_the_users_function_raises_ends_the_training() -> None:
    def stop(alarm: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(planted=killing(21, units=8), on_alarm=stop)
