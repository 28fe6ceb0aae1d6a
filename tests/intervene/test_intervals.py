"""The 95 % interval of `needed` holds the number of all the examples that there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from layercensus.measures.fidelity import smallest
from layercensus.measures.needed import curves
from layercensus.testing.held_out_draws import Pool, loss_held, number_held
from layercensus.testing.planted_needs import planted_needs

DRAWS = 200
SKEWED, SHORT = Pool.of("skewed", 40, 0.96), Pool.of("skewed", 20, 0.9)


@pytest.mark.parametrize("held_out", [64, 128])
@pytest.mark.parametrize("kind", ["skewed", "softmax"])
def test_the_interval_holds_the_number(kind: str, held_out: int) -> None:
    held, width = number_held(Pool.of(kind, 40, 0.96), held_out, DRAWS)
    assert 0.92 <= held <= 1.0  # whole numbers of directions make it wider than it need be
    assert 1 <= width <= 20


def test_the_interval_of_the_loss_itself_covers_as_often_as_it_says() -> None:
    """Fidelity is no whole number: at a fixed number of directions its interval is neither narrow nor wide."""
    for held_out in (64, 128):
        assert 0.92 <= loss_held(SKEWED, held_out, DRAWS, 20) <= 0.98


def test_examples_of_one_source_are_one_draw() -> None:
    needs = SHORT.drawn(torch.arange(64))
    tenfold = replace(
        needs, change=needs.change.repeat(1, 10), variance=needs.variance.repeat(10), held_out=torch.arange(640)
    )
    for one, other in zip(curves(needs), curves(tenfold, torch.arange(64).repeat(10)), strict=True):
        torch.testing.assert_close(one, other)
    assert float((curves(tenfold)[2] / curves(tenfold)[0])[5]) < float((curves(needs)[2] / curves(needs)[0])[5])


def test_changes_without_end_and_answers_without_variance_give_no_nan() -> None:
    needs = SHORT.drawn(torch.arange(16))
    endless = replace(needs, change=needs.change.index_fill(1, torch.tensor([3]), torch.inf))
    constant = replace(needs, change=needs.change * 0, variance=needs.variance * 0)
    for odd in (endless, constant):
        assert all(curve.isfinite().all() for curve in curves(odd))
    assert smallest(curves(constant)[2], 0.99) == 0
    assert constant.fidelity.eq(1).all()


def test_one_source_bounds_nothing() -> None:
    rng = torch.Generator().manual_seed(0)
    rows, head = torch.randn(80, 1, 12, generator=rng), torch.randn(12, 4, generator=rng)
    needs = planted_needs(rows, head)
    loss, low, high = curves(needs, torch.zeros(40, dtype=torch.int64))
    assert smallest(loss, 0.95) == 4
    assert smallest(low, 0.95) == 0
    assert np.isnan(smallest(high, 0.95)) or smallest(high, 0.95) == len(needs.spectrum)
