"""Scalars reach each tracker through its own library; where one is not installed, through a small stand-in for it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import layercensus as lc
from layercensus.watch.mlflow import to_mlflow
from layercensus.watch.tensorboard import to_tensorboard
from layercensus.watch.trackio import to_trackio
from layercensus.watch.wandb import to_wandb

from .runs import killing, run

NAMES = {"wandb": to_wandb, "mlflow": to_mlflow, "trackio": to_trackio}


def test_what_a_tracker_is_given() -> None:
    told: list[tuple[int, dict[str, float]]] = []
    timeline = run(planted=killing(21, units=8), to=lambda step, scalars: told.append((step, dict(scalars))))
    assert [step for step, _ in told] == [0, 20, 40, 60]
    at_40 = told[2][1]
    assert at_40["layercensus/dead/3"] == 8
    assert at_40["layercensus/alarms"] == 1
    assert at_40["layercensus/needed/3"] == timeline.table("needed").loc["3", 40]
    assert not any("status" in name or "bound" in name for name in at_40)


def stand_in(name: str, monkeypatch: pytest.MonkeyPatch, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_wandb_gets_an_axis_of_its_own() -> None:
    logged: list[dict[str, float]] = []
    defined: list[tuple[Any, ...]] = []
    session = SimpleNamespace(
        log=lambda numbers: logged.append(numbers), define_metric=lambda *a, **k: defined.append((*a, *k.values()))
    )
    run(steps=20, to=to_wandb(session))
    assert [numbers["layercensus/step"] for numbers in logged] == [0, 20]
    assert "layercensus/dead/1" in logged[0]
    assert defined == [("layercensus/step",), ("layercensus/*", "layercensus/step")]


def test_wandb_without_a_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in("wandb", monkeypatch, run=None)
    with pytest.raises(lc.CensusError, match=r"A run of W&B must have begun. Got none. Call wandb.init\(\) first"):
        to_wandb()


def test_mlflow_gets_names_that_it_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[dict[str, float], int, str | None]] = []
    stand_in("mlflow", monkeypatch, log_metrics=lambda m, step, run_id: logged.append((m, step, run_id)))
    to_mlflow("abc")(7, {"layercensus/dead/act@1": 2.0})
    assert logged == [({"layercensus/dead/act_1": 2.0}, 7, "abc")]


def test_trackio_gets_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[dict[str, float], int]] = []
    stand_in("trackio", monkeypatch, log=lambda metrics, step: logged.append((metrics, step)))
    to_trackio()(7, {"layercensus/alarms": 0.0})
    assert logged == [({"layercensus/alarms": 0.0}, 7)]


def test_tensorboard_gets_each_scalar_of_a_writer() -> None:
    written: list[tuple[str, float, int]] = []
    writer = SimpleNamespace(add_scalar=lambda *a: written.append(a), flush=lambda: None)
    to_tensorboard(writer)(7, {"layercensus/alarms": 0.0, "layercensus/dead/1": 3.0})
    assert written == [("layercensus/alarms", 0.0, 7), ("layercensus/dead/1", 3.0, 7)]


@pytest.mark.skipif(not importlib.util.find_spec("tensorboard"), reason="tensorboard is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_itself_reads_what_was_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(steps=20, to=to_tensorboard(tmp_path))
    read = EventAccumulator(str(tmp_path)).Reload()
    assert [event.step for event in read.Scalars("layercensus/dead/1")] == [0, 20]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_installed_is_named_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    make: Callable[[], Any] = NAMES[name]
    with pytest.raises(lc.CensusError) as error:
        make()
    assert str(error.value) == f"Watching with {name} needs {name}: pip install {name}"
