"""The answer is the planted one or undecided, and width alone never makes one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import layercensus as lc
from layercensus.testing.stacks import RIGHT, TRENDS, stack

SEEDS = 8  # benchmarks/verdicts.py goes through a hundred
QUIET = lc.Settings(progress=False, batch=128, resamples=60, spots=1, dimension=False, needed=False, other_views=False)


def verdict(course: str, seed: int) -> lc.Verdict:
    p = stack(course, seed)
    return lc.take(p.net, p.data, layers="layers.*", twin=False, views=p.views, settings=QUIET).verdict


@pytest.mark.parametrize("course", TRENDS)
def test_a_planted_course_is_answered_rightly_or_not_at_all(course: str) -> None:
    said = [verdict(course, seed).answer for seed in range(SEEDS)]
    assert set(said) <= {RIGHT[course], "undecided"}, said
    if course in ("rising", "falling", "peak"):  # a bend over six layers is never rare enough to be called one
        assert said.count(RIGHT[course]) >= SEEDS - 4, said


def test_raw_counts_alone_never_decide() -> None:
    got = verdict("width alone", 3)
    assert got.says("distinct", "raw") == "later"
    assert got.answer in ("even", "undecided")
    assert "The corrections disagree" in " ".join(got.details)


def test_an_untrained_net_has_learned_nothing_anywhere() -> None:
    from layercensus.data.digits import Digits
    from layercensus.models.digits import factory
    from layercensus.models.twin import calibrate

    digits = Digits()
    said = []
    for seed in range(3):
        net = factory(seed)
        calibrate(net, digits.inputs[:256].split(32))
        quick = lc.Settings(progress=False, resamples=60, dimension=False, needed=False, other_views=False)
        census = lc.take(net, digits.inputs[:400], settings=quick)
        table = census.verdict.table
        said.append(set(table[table["correction"].str.contains("minus twin")]["says"]))
    assert all(each <= {"even", "undecided"} for each in said), said


def test_few_layers_or_examples_are_undecided_with_the_reason() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    got = lc.take(net, torch.randn(50, 8), settings=lc.Settings(progress=False)).verdict
    assert got.answer == "undecided"
    assert len(got.reasons) == 2
    assert all(reason in str(got) for reason in got.reasons)


def test_the_output_layer_is_reported_apart() -> None:
    p = stack("peak", 0)
    got = lc.take(p.net, p.data, layers=["layers.*", "out"], twin=False, views=p.views, settings=QUIET)
    assert got.layers["role"].tolist()[-1] == "output"
    assert got.verdict.table["layers"].max() == len(got.layers) - 1
    assert "The output layer (out), no part of the trend" in " ".join(got.verdict.details)


def test_losing_less_is_not_learning_more() -> None:
    p = stack("falling", 0)
    same = lc.take(p.net, p.data, layers="layers.*", twin=p.net, views=p.views, settings=QUIET)
    assert same.verdict.answer == "even"
    draw = same.about["rarefied_to"]
    full = same.layers.assign(twin_distinct=same.layers["width"], twin_distinct_rarefied=float(draw))
    width = dict(zip(full["layer"], full["width"], strict=True))
    arrays = dict(same.arrays)
    for key in [key for key in arrays if key.net == "twin"]:
        if key.name in ("distinct_resamples", "rarefied_resamples"):
            arrays[key] = np.full_like(arrays[key], width[key.layer] if key.name == "distinct_resamples" else draw)
    got = replace(same, layers=full, arrays=arrays).verdict
    assert got.says("distinct", "rarefied, minus twin") == "earlier"
    assert got.answer == "undecided"
    assert "no hidden layer holds more distinct units" in str(got)
