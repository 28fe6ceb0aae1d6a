from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from layercensus.data.digits import Digits, split
from layercensus.demo import train
from layercensus.models.digits import WIDTHS, Split, factory
from layercensus.models.digits_runs import fit_runs
from layercensus.models.fingerprint import weights
from layercensus.models.open import open_model


@pytest.mark.parametrize("seed", [0, 1])
def test_more_than_97_percent_of_held_out_digits_are_right(seed: int) -> None:
    net, accuracy = train(seed)
    digits, (training, held_out) = Digits(), split()
    assert digits.labels is not None
    assert not set(training.tolist()) & set(held_out.tolist())
    with torch.inference_mode():
        right = (net(digits.images[held_out]).argmax(1) == digits.labels[held_out]).double().mean()
    assert accuracy == pytest.approx(float(right))
    assert accuracy > 0.97
    assert not net.training


def test_six_equal_layers_and_the_class_layer() -> None:
    net = factory()
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in net.named_modules():
        module.register_forward_hook(lambda m, i, o, name=name: shapes.__setitem__(name, tuple(o.shape)))
    net(torch.zeros(2, 1, 8, 8))
    assert WIDTHS == (32,) * 6
    assert [shapes[f"act.{n}"][1:] for n in range(6)] == [(32, s, s) for s in (8, 8, 4, 4, 2, 2)]
    assert shapes["out"] == (2, 10)
    assert sum(isinstance(m, nn.ReLU) for m in net.modules()) == 6


def test_training_follows_the_seed_alone() -> None:
    random, threads = torch.random.get_rng_state(), torch.get_num_threads()
    first, accuracy = train(3, epochs=1)
    try:
        torch.set_num_threads(threads + 1)
        torch.rand(3)
        again, same = train(3, epochs=1)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
        torch.random.set_rng_state(random)
    assert weights(first) == weights(again)
    assert accuracy == same
    assert weights(train(4, epochs=1)[0]) != weights(first)
    assert torch.equal(torch.random.get_rng_state(), random)


@pytest.mark.parametrize("python", [sys.executable, "nowhere/python"])
def test_runs_side_by_side_have_the_weights_of_runs_one_by_one(python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = Digits()
    assert digits.labels is not None
    monkeypatch.setattr("layercensus.models.digits_runs.processors", lambda: 2)
    monkeypatch.setattr(sys, "executable", python)
    runs = fit_runs([3, 4, 5], Split(digits.images, digits.labels, *split()), epochs=1)
    for seed, (net, accuracy) in zip((3, 4, 5), runs, strict=True):
        alone, same = train(seed, epochs=1)
        assert weights(net) == weights(alone)
        assert accuracy == same
        assert not net.training


def test_training_moves_the_net_from_where_it_began() -> None:
    net, _ = train(5, epochs=1)
    began = factory(5)
    assert all(not torch.equal(a, b) for a, b in zip(net.parameters(), began.parameters(), strict=True))


def test_other_widths() -> None:
    net, _ = train(0, widths=(4, 8), epochs=1)
    assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)] == [4, 8]


def test_progress_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    train(7, widths=(4,), epochs=1)
    assert capsys.readouterr() == ("", "")
    train(7, widths=(4,), epochs=1, progress=True)
    assert "training run 7: 100%" in capsys.readouterr().err


def test_the_short_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layercensus.demo.train", lambda seed: (factory(seed), 0.98765))
    opened = open_model("digits")
    assert opened.name == "digits"
    assert opened.about == {
        "weights from": "training on scikit-learn's digits with seed 0",
        "held-out accuracy": 0.9877,
    }
    assert opened.example is not None
    assert opened.fresh is not None
    assert opened.net(opened.example()).shape == (3, 10)
    assert weights(opened.fresh(1)) == weights(factory(1)) != weights(factory(2))
