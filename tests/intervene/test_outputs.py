"""What the net's answer is: its forms, which part of it is meant, and what is refused before anything is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.intervene.answers import MOST, Answers

from .planted import SMALL, census

X = torch.randn(120, 8, generator=torch.Generator().manual_seed(0))


@dataclass
class Out:
    value: Tensor
    scores: Tensor


class Forms(nn.Module):
    """One hidden layer behind two heads: one number, and three scores."""

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.a, self.relu, self.form, self.passes = nn.Linear(8, 16), nn.ReLU(), form, 0
        self.value, self.scores = nn.Linear(16, 1), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Any:
        h = self.relu(self.a(x))
        self.passes += len(x)
        return self.form(self.value(h), self.scores(h))


FORMS = {
    "tuple": (lambda a, b: (a, b), 0, 1), "dict": (lambda a, b: {"value": a, "scores": b}, "value", "scores"),
    "dataclass": (Out, "value", "scores"), "function": (lambda a, b: [a, b], lambda y: y[0], lambda y: y[1]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_part_of_the_output_is_named(form: str) -> None:
    make, value, scores = FORMS[form]
    net = Forms(make)
    assert census(net, X, layers=["relu"], output=value).layers["needed_99"].item() == 1
    three = census(net, X, layers=["relu"], output=scores)
    assert three.layers["needed_99"].item() == (3 if callable(scores) else 2)  # a function's result stays
    assert three.about["needs"]["centred"] is not callable(scores)
    first = census(net, X, layers=["relu"])
    assert first.layers["needed_99"].item() == 1  # the first floating-point tensor


REFUSED = {
    "nope": r"^output must name a part of the net's output, which has \['value'\] \(float32 .* Got 'nope'\.$",
    7: r"^output must name a part .* Got 7\.$",
    "raises": r"^output must be a function that takes the net's output, .* Got KeyError: 'absent'\.$",
    "none": r"^output must choose a floating-point tensor of the net's output\. Got NoneType\.$",
    "sum": r"^output must choose a tensor with a row for each of \d examples\. Got float32 \(\)\.$",
}  # fmt: skip


@pytest.mark.parametrize("output", REFUSED)
def test_what_cannot_be_read_is_one_line_before_the_count(output: Any) -> None:
    functions = {"raises": lambda y: y["absent"], "none": lambda y: None, "sum": lambda y: y["scores"].sum()}
    net = Forms(FORMS["dict"][0])
    with pytest.raises(lc.CensusError, match=REFUSED[output]) as error:
        census(net, X, layers=["relu"], output=functions.get(output, output))
    assert "\n" not in str(error.value)
    assert net.passes < len(X) / 2  # of the probe alone


@pytest.mark.parametrize("numbers", [1, 2])
def test_regressions_are_not_centred(numbers: int) -> None:
    found = census(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, numbers)), X, layers=["1"])
    assert found.layers["needed_99"].item() == numbers
    assert found.about["needs"]["centred"] is False


def test_a_number_an_example_may_have_no_axis_of_its_own() -> None:
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    assert census(net, X, layers=["1"]).layers["needed_99"].item() == 1


def test_two_classes_with_labels_are_one_direction() -> None:
    net, labels = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)), [row % 2 for row in range(len(X))]
    found = lc.take(net, X, labels=labels, layers=["1"], twin=False, views=0.1, settings=lc.Settings(**SMALL))
    assert found.layers["needed_99"].item() == 1


def test_many_numbers_are_compared_by_combinations_that_keep_distances() -> None:
    y = torch.randn(40, 3000, generator=torch.Generator().manual_seed(0))
    kept = Answers(seed=1).compared(y)
    assert kept.shape == (40, MOST)
    far = torch.pdist(y.double()).square()
    near = torch.pdist(kept).square()
    assert float((near / far).mean()) == pytest.approx(1, abs=0.02)
    assert float((near / far - 1).abs().max()) < 0.35
    padded = torch.nn.functional.pad(y, (0, 777))
    torch.testing.assert_close(Answers(seed=1).compared(padded), kept)


def test_seven_hundred_answers_need_what_the_layer_holds() -> None:
    net = nn.Sequential(nn.Linear(8, 16), nn.Identity(), nn.Linear(16, 700))
    nn.init.orthogonal_(net[0].weight)
    nn.init.orthogonal_(net[2].weight)
    assert census(net, X, layers=["1"]).layers["needed_99"].item() == 8


def test_maps_are_answers_too() -> None:
    net = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(True), nn.Conv2d(6, 2, 1))
    found = census(net, torch.randn(60, 1, 8, 8), layers=["1", "2"])
    assert found.layers["needed_99"].tolist() == [2, 2]


def test_nets_of_integers_are_asked() -> None:
    net = nn.Sequential(nn.Embedding(20, 8), nn.ReLU(), nn.Flatten(), nn.Linear(40, 3))
    found = census(net, torch.randint(0, 20, (120, 5)), layers=["1", "3"])
    assert found.layers["needed_status"].tolist() == ["estimate"] * 2
    assert found.layers["needed_99"].iloc[1] == 2
