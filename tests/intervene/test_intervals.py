"""The 95 % interval of `needed` holds the number of all the examples that there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from layercensus.intervene.search import search
from layercensus.measures.fidelity import smallest
from layercensus.measures.needed import curves
from layercensus.tally import Needs
from layercensus.testing.planted_needs import planted_needs

POOL, DRAWS = 20_000, 200


def pool(kind: str, directions: int, fall: float) -> tuple[Tensor, Tensor, Tensor]:
    """(directions + 1, examples) the change of each answer with the first k directions, the answers, the spectrum."""
    rng = torch.Generator().manual_seed(0)
    rows = torch.randn(POOL, directions, generator=rng, dtype=torch.float64)
    if kind == "skewed":
        rows = rows.exp().clamp(max=20)
        rows = (rows - rows.mean(0)) / rows.std(0)
    spectrum = fall ** (2 * torch.arange(directions, dtype=torch.float64))
    mixed = torch.linalg.qr(torch.randn(directions, directions, generator=rng, dtype=torch.float64))[0]

    def answers(kept: int) -> Tensor:
        h = torch.where(torch.arange(directions) < kept, rows, 0.0) * spectrum.sqrt()
        return (6 * h @ mixed[:, :10]).softmax(1) if kind == "softmax" else h

    y = answers(directions)
    return torch.stack([(answers(k) - y).square().sum(1) for k in range(directions + 1)]), y, spectrum


def drawn(change: Tensor, y: Tensor, spectrum: Tensor, at: Tensor) -> Needs:
    """What a count would keep of these held-out examples."""
    nothing, own = torch.zeros(0), y[at]
    variance = (own - own.mean(0)).square().sum(1) * len(at) / (len(at) - 1)
    tried = torch.tensor(list(search(lambda k: float(change[k, at].sum() / variance.sum()), spectrum)))
    return Needs(
        nothing, nothing, nothing, spectrum, tried, change[tried][:, at], variance, at,
        torch.full((len(tried),), torch.nan), torch.tensor(400), torch.tensor(400), torch.tensor(True),
    )  # fmt: skip


def coverage(kind: str, held_out: int, directions: int, fall: float) -> tuple[float, float]:
    """How often the interval holds the pool's number, and how many directions it is wide on average."""
    change, y, spectrum = pool(kind, directions, fall)
    fidelity = 1 - change.sum(1) / (y - y.mean(0)).square().sum()
    truth = int((fidelity >= 0.95).nonzero()[0, 0])
    rng = torch.Generator().manual_seed(1)
    held, width = 0, 0.0
    for _ in range(DRAWS):
        needs = drawn(change, y, spectrum, torch.randperm(POOL, generator=rng)[:held_out])
        _, low, high = curves(needs)
        ends = smallest(low, 0.95), min(smallest(high, 0.95), directions)
        held += ends[0] <= truth <= ends[1]
        width += (ends[1] - ends[0]) / DRAWS
    return held / DRAWS, width


@pytest.mark.parametrize("held_out", [64, 128])
@pytest.mark.parametrize("kind", ["skewed", "softmax"])
def test_the_interval_holds_the_number(kind: str, held_out: int) -> None:
    held, width = coverage(kind, held_out, 40, 0.96)
    assert 0.92 <= held <= 1.0  # whole numbers of directions make it wider than it need be
    assert 1 <= width <= 20


def test_the_interval_of_the_loss_itself_covers_as_often_as_it_says() -> None:
    """Fidelity is no whole number: at a fixed number of directions its interval is neither narrow nor wide."""
    change, y, spectrum = pool("skewed", 40, 0.96)
    truth = float(change[20].sum() / (y - y.mean(0)).square().sum())
    for held_out in (64, 128):
        rng, held = torch.Generator().manual_seed(2), 0
        for _ in range(DRAWS):
            at = torch.randperm(POOL, generator=rng)[:held_out]
            needs = drawn(change, y, spectrum, at)
            one = replace(needs, tried=torch.tensor([20]), change=change[20:21, at])
            _, low, high = curves(one)
            held += float(low[20]) <= truth <= float(high[20])
        assert 0.92 <= held / DRAWS <= 0.98


def test_examples_of_one_source_are_one_draw() -> None:
    change, y, spectrum = pool("skewed", 20, 0.9)
    needs = drawn(change, y, spectrum, torch.arange(64))
    tenfold = replace(
        needs, change=needs.change.repeat(1, 10), variance=needs.variance.repeat(10), held_out=torch.arange(640)
    )
    for one, other in zip(curves(needs), curves(tenfold, torch.arange(64).repeat(10)), strict=True):
        torch.testing.assert_close(one, other)
    assert float((curves(tenfold)[2] / curves(tenfold)[0])[5]) < float((curves(needs)[2] / curves(needs)[0])[5])


def test_changes_without_end_and_answers_without_variance_give_no_nan() -> None:
    change, y, spectrum = pool("skewed", 20, 0.9)
    needs = drawn(change, y, spectrum, torch.arange(16))
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
