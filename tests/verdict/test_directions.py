"""What was learned answers, else what is needed; what depends on a choice, or was never trained, answers nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.census import Census
from layercensus.census.record import ArrayKey
from layercensus.verdict.wording import why_not_learned

RISES, FALLS, FLAT = (0, 1, 2, 4, 6, 9), (9, 7, 6, 4, 2, 1), (9, 9, 9, 9, 9, 9)
ZIGZAG = (9, 3, 8, 2, 9, 3)


@pytest.fixture(scope="module")
def plain() -> Census:
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for width in (8, 16, 16, 16, 16, 16):
        parts += [nn.Linear(width, 16), nn.ReLU()]
    x = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    settings = lc.Settings(progress=False, pictures=0, resamples=20, needed=False)
    return lc.take(nn.Sequential(*parts, nn.Linear(16, 4)), x, twin=False, settings=settings)


def planted(
    census: Census, needed: Sequence[float], learned: Sequence[float] | None = None, *, at_90: Any = None,
    low_cut: Any = None, untrained: bool = False,
) -> lc.Verdict:  # fmt: skip
    """The verdict if these directions had been counted in the hidden layers."""
    rows = census.layers.copy()
    hidden = rows["role"] != "output"
    for name, values in (("needed", needed), ("needed_90", at_90 or needed), ("needed_99", needed)):
        rows.loc[hidden, name] = pd.array(list(values), dtype="Int64")
    rows.loc[hidden, "needed_status"] = "estimate"
    arrays: dict[ArrayKey, Any] = dict(census.arrays)
    for layer, number in zip(rows["layer"][hidden], needed, strict=True):
        arrays[ArrayKey("trained", layer, "needed_resamples")] = np.full(20, float(number))
    if learned is not None:
        rows.loc[hidden, "learned"] = pd.array(list(map(float, learned)), dtype="Float64")
        for layer, number, low in zip(rows["layer"][hidden], learned, low_cut or learned, strict=True):
            arrays[ArrayKey("trained", layer, "learned_resamples")] = np.full(20, float(number))
            curve = np.full((3, 7), float(number))
            curve[:, 0] = low
            arrays[ArrayKey("trained", layer, "learned_curve")] = curve
    looks = {"whole": True} if untrained else {}
    provenance = replace(census.provenance, looks_untrained=looks)
    return replace(census, layers=rows, arrays=arrays, provenance=provenance).verdict


def test_what_was_learned_answers_with_two_numbers(plain: Census) -> None:
    got = planted(plain, FLAT, RISES)
    assert got.answer == "later"
    first = str(got).splitlines()[0]
    assert first == (
        "Later layers learned more: all 9 of the 9 directions that the last hidden layer needs, none of the 9 that the "
        "first needs."
    )
    assert planted(plain, FLAT, FALLS).answer == "earlier"


def test_one_run_is_never_said_to_have_learned(plain: Census) -> None:
    got = planted(plain, RISES)
    assert got.answer == "later"
    assert str(got).startswith("The answers of this net rest on more of its later layers: on 9 directions of the last")
    assert "What of that was learned cannot be told from one training run" in str(got)
    assert planted(plain, FALLS).answer == "earlier"
    assert planted(plain, FLAT).answer == "even"
    assert planted(plain, ZIGZAG).answer == "undecided"


def test_what_depends_on_a_choice_is_undecided_and_names_it(plain: Census) -> None:
    got = planted(plain, RISES, at_90=FALLS)
    assert got.answer == "undecided"
    assert got.reasons == ("the answer would be earlier with 90 % of the answers",)
    assert "earlier with 90 % of the answers" in str(got)
    got = planted(plain, FLAT, RISES, low_cut=FLAT)
    assert got.answer == "undecided"
    assert "even with 95 % of the answers and r² .3 between runs" in got.reasons[0]


def test_a_net_that_looks_untrained_gets_no_answer(plain: Census) -> None:
    got = planted(plain, RISES, (0, 0, 0, 0, 0, 0), untrained=True)
    assert got.answer == "undecided"
    assert "another training run found none of them again" in str(got)
    assert "the weights look untrained" in str(got)
    assert planted(plain, RISES, untrained=True).answer == "undecided"


def test_where_nothing_was_learned_what_is_needed_answers(plain: Census) -> None:
    got = planted(plain, FALLS, (0, 0, 0, 0, 0, 0))
    assert got.answer == "earlier"
    assert str(got).startswith("The answers of this net rest on more of its earlier layers")
    assert "Nothing can be said of what was learned" in str(got)


def test_layers_that_the_answers_go_around_say_nothing_of_what_is_needed(plain: Census) -> None:
    got = planted(plain, (0, 0, 0, 0, 0, 0))
    assert got.answer == "undecided"
    assert "what goes past them replaces them" in str(got)


def test_units_answer_where_no_layer_is_read_and_the_width_does_not_decide() -> None:
    from layercensus.testing.stacks import stack

    p = stack("falling", 0)
    settings = lc.Settings(progress=False, batch=128, resamples=60, spots=1)
    got = lc.take(p.net, p.data, layers="layers.*", twin=False, views=p.views, settings=settings)
    assert set(got.layers["needed"]) == {0}
    assert got.verdict.answer == "earlier"
    first, last = got.layers["distinct"].iloc[[0, -1]]
    assert str(got.verdict).startswith(
        f"Earlier layers hold more distinct units: {last} in the last hidden layer, {first} in the first."
    )
    assert "Nothing can be said of what is needed: the answers rest on none of these layers" in str(got.verdict)


@pytest.mark.parametrize(
    ("replicas", "said"), [(0, "from one training run: give replicas"), (1, "not known: too few.")]
)
def test_why_nothing_was_learned_names_what_is_missing(replicas: int, said: str) -> None:
    status = [
        "count; learned is missing: too few; and more",
        "learned is missing: other",
        "learned is missing: too few",
    ]
    census = SimpleNamespace(provenance=SimpleNamespace(replicas=replicas), layers=pd.DataFrame({"status": status}))
    assert said in why_not_learned(census)  # type: ignore[arg-type]
