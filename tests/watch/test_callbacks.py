"""A callback of each trainer watches a training; of one that is not installed, a small stand-in for it does."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

import layercensus as lc
from layercensus.watch.callback import Watching
from layercensus.watch.keras import keras_callback
from layercensus.watch.lightning import lightning_callback
from layercensus.watch.transformers import trainer_callback

from .runs import CLASSES, OPTIONS, examples, net_of

WATCHING = {"every": 4, "budget": None, "options": OPTIONS}
ACCELERATE = pytest.mark.skipif(not find_spec("accelerate"), reason="accelerate is not installed")
LIGHTNING = pytest.mark.skipif(not find_spec("lightning"), reason="lightning is not installed")
KERAS = pytest.mark.skipif(not find_spec("keras"), reason="keras is not installed")


def trained_by(example: str) -> lc.Timeline:
    """Eight steps of one of the examples."""
    return runpy.run_path(str(Path(__file__).parents[2] / "examples" / f"{example}.py"))["train"](8, 4)


def test_transformers_own_handler_calls_it() -> None:
    """The Trainer's own way of calling callbacks, which needs no accelerate."""
    from transformers import TrainerControl, TrainerState, TrainingArguments
    from transformers.trainer_callback import CallbackHandler

    x, _ = examples()
    callback, net = trainer_callback(x, **WATCHING), net_of()
    optimiser = torch.optim.SGD(net.parameters(), 0.25)
    handler = CallbackHandler([callback], net, None, optimiser, None)
    state, control = TrainerState(), TrainerControl()
    arguments = object.__new__(TrainingArguments)  # its own checks ask for accelerate; no callback here reads it
    handler.on_train_begin(arguments, state, control)
    for step in range(1, 9):
        state.global_step = step
        handler.on_step_end(arguments, state, control)
    handler.on_train_end(arguments, state, control)
    assert callback.timeline.steps == (0, 4, 8)
    assert callback.timeline.entries[-1].rate == 0.25


@ACCELERATE
@pytest.mark.filterwarnings("ignore")
def test_a_trainer_of_transformers_is_watched() -> None:
    timeline = trained_by("watch_transformers")
    assert timeline.steps == (0, 4, 8)
    assert timeline.failed == ()
    assert timeline.layers["needed"].notna().any()


def test_lightnings_hooks_are_those_that_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    pytorch = ModuleType("lightning.pytorch")
    pytorch.Callback = type("Callback", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lightning", ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", pytorch)
    x, _ = examples()
    callback, net = lightning_callback(x, **WATCHING), net_of()
    logged: list[int] = []
    logger = SimpleNamespace(log_metrics=lambda numbers, step: logged.append(step))
    optimiser = torch.optim.SGD(net.parameters(), 0.25)
    trainer = SimpleNamespace(global_step=0, is_global_zero=True, loggers=[logger], optimizers=[optimiser])
    callback.on_train_start(trainer, net)
    for batch in range(16):  # gradients of two batches are added up: a step for every other batch
        trainer.global_step = (batch + 1) // 2
        callback.on_train_batch_end(trainer, net, None, None, batch)
    callback.on_train_end(trainer, net)
    assert callback.timeline.steps == (0, 4, 8)
    assert logged == [0, 4, 8]


@LIGHTNING
@pytest.mark.filterwarnings("ignore")
def test_lightning_itself_is_watched() -> None:
    timeline = trained_by("watch_lightning")
    assert timeline.steps == (0, 4, 8)
    assert timeline.failed == ()
    assert timeline.entries[-1].rate == 3e-3


def test_keras_hooks_are_those_that_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = ModuleType("keras")
    keras.backend = SimpleNamespace(backend=lambda: "torch")  # type: ignore[attr-defined]
    keras.callbacks = SimpleNamespace(Callback=type("Callback", (), {}))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keras", keras)
    x, _ = examples()
    callback = keras_callback(x, **WATCHING)
    callback.model = net_of()
    callback.model.optimizer = SimpleNamespace(iterations=0, learning_rate=0.25)
    callback.on_train_begin()
    for step in range(1, 9):
        callback.model.optimizer.iterations = step
        callback.on_train_batch_end(step)
    callback.on_train_end()
    assert callback.timeline.steps == (0, 4, 8)
    keras.backend = SimpleNamespace(backend=lambda: "jax")  # type: ignore[attr-defined]
    with pytest.raises(lc.CensusError, match=r"Keras must run on torch. Got jax"):
        keras_callback(x)


@KERAS
@pytest.mark.filterwarnings("ignore")
def test_keras_itself_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import keras

    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    net = keras.Sequential([keras.Input((12,)), dense(20, "relu"), dense(20, "relu"), dense(CLASSES)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.SGD(0.25), loss)
    x, y = examples()
    callback = keras_callback(x, **WATCHING)
    net.fit(x.numpy(), y.numpy(), batch_size=48, epochs=1, verbose=0, callbacks=[callback])
    assert callback.timeline.steps == (0, 4, 8)
    assert callback.timeline.failed == ()


def test_an_argument_that_watch_does_not_take_is_refused() -> None:
    with pytest.raises(
        lc.CensusError, match=r"A callback takes every, budget, out, to, on_alarm, options. Got 'often'"
    ):
        trainer_callback(None, often=3)


@pytest.mark.parametrize("make", [keras_callback, lightning_callback, trainer_callback])
def test_what_is_not_installed_is_named_in_one_line(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = make.__module__.rpartition(".")[2]
    monkeypatch.setitem(sys.modules, "lightning.pytorch" if name == "lightning" else name, None)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(lc.CensusError) as error:
        make(None)
    assert str(error.value) == f"Watching with {name} needs {name}: pip install {name}"


class Trainer:
    """A trainer whose callbacks have a state of their own."""

    class Callback:
        def __init__(self) -> None:
            self.own = "set"


class Mine(Watching, Trainer.Callback):
    """As a user would write one for another trainer."""


def test_what_all_callbacks_share() -> None:
    x, _ = examples()
    told: list[int] = []
    mine, net = Mine(x, {**WATCHING, "to": lambda step, scalars: told.append(step)}), net_of()
    assert mine.own == "set"
    mine.stepped(3, None)
    mine.end()
    assert mine.timeline is None  # nothing has begun, as in a process that does not read
    mine.begin(net, 8, lambda step, scalars: told.append(-step))
    for step in (9, 10, 10, 9, 12):  # a step is counted once
        mine.stepped(step, 0.5)
    mine.end()
    assert mine.timeline is not None
    assert mine.timeline.steps == (8, 12)
    assert mine.timeline.entries[-1].rate == 0.5
    assert told == [8, -8, 12, -12]
    with pytest.raises(lc.CensusError, match=r"A callback takes every, budget, out, .* Got 'often'"):
        Mine(x, {"often": 3})
