"""Canonical pairs, residuals beyond untrained nets and the interval are what other ways to compute them say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from torch import Tensor

from layercensus.measures import beyond_untrained
from layercensus.measures.beyond_untrained import Regression, regressors
from layercensus.measures.canonical import Pairs, canonical
from layercensus.measures.common_rows import CommonRows, common_rows, drawn_in
from layercensus.measures.found_again import Found
from layercensus.measures.halves import Halves
from layercensus.measures.shared_directions import Compared

from .evidence import normal


def halves(rows: Tensor) -> Halves:
    return Halves(rows[0::2].double(), rows[1::2].double())


def every_second(examples: int) -> CommonRows:
    return CommonRows(torch.arange(0, examples, 2), torch.arange(1, examples, 2))


def test_fitted_correlations_are_cosines_of_the_angles_between_the_subspaces() -> None:
    a, b = normal(0, 200, 2, 5), normal(1, 200, 2, 7)
    b[..., :2] += 2 * a[..., :2]
    one, two = ((half - half.mean(0)).numpy() for half in (halves(x).fit.flatten(0, 1) for x in (a, b)))
    expected = np.cos(subspace_angles(one, two))[::-1] ** 2
    np.testing.assert_allclose(canonical(halves(a), halves(b)).fitted.numpy(), np.sort(expected)[::-1], atol=1e-8)


def test_checked_correlations_are_those_of_the_fitted_directions_on_other_examples() -> None:
    a = normal(0, 4000, 1, 3)
    b = torch.stack([0.9 * a[..., 0] + 0.19**0.5 * normal(1, 4000, 1), normal(2, 4000, 1)], 2)
    found = canonical(halves(a), halves(b))
    assert found.r2.tolist() == pytest.approx([0.81, 0.0], abs=0.02)
    other = replace(found, right=-found.right)
    assert other.r2.tolist() == pytest.approx((-found.r2).tolist())
    assert other.count(0.5) == 0


@pytest.mark.parametrize(("p", "q"), [(80, 80), (40, 120)])
def test_independent_rows_end_at_the_law_where_fitted_and_at_nothing_where_checked(p: int, q: int) -> None:
    """Wachter 1980: the largest r^2 of n x p and n x q independent rows."""
    n = 800
    found = canonical(halves(normal(0, 2 * n, 1, p)), halves(normal(1, 2 * n, 1, q)))
    c, d = p / n, q / n
    law = ((c * (1 - d)) ** 0.5 + (d * (1 - c)) ** 0.5) ** 2
    assert float(found.fitted.max()) == pytest.approx(law, rel=0.1)
    assert float(found.r2.abs().max()) < 0.03


def test_a_residual_is_that_of_a_regression_without_the_example() -> None:
    units, scores = normal(0, 30, 3, 6), normal(1, 30, 3, 2)
    scores += units[..., :2]
    units -= units[0::2].mean((0, 1))
    regression = Regression.on(halves(units))
    left = regression.each(halves(scores)).fit
    x, y = halves(units).fit, halves(scores).fit
    for example in (0, 7):
        others = torch.arange(15) != example
        errors = []
        for penalty in beyond_untrained.PENALTIES:
            u, s = x[others].flatten(0, 1), y[others].flatten(0, 1)
            gram = (u - u.mean(0)).T @ (u - u.mean(0)) + 45 * penalty * torch.eye(6)
            weights = torch.linalg.solve(gram, (u - u.mean(0)).T @ s)
            errors.append(y[example] - s.mean(0) - (x[example] - u.mean(0)) @ weights)
        nearest = torch.stack(errors).sub(left[example]).abs().amax(1).amin(0)  # of the penalty that was chosen
        assert float(nearest.max()) < 1e-6


def test_more_units_than_are_regressed_on_lose_nothing_where_rows_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    nets, rows = [normal(seed, 60, 2, 90) for seed in range(3)], every_second(60)
    scores = halves(normal(9, 60, 2, 3) + nets[0][..., :3])
    whole = Regression.on(regressors(nets, rows)).best(scores)
    monkeypatch.setattr(beyond_untrained, "MOST", 100)
    some = regressors(nets, rows)
    assert some.fit.shape == (30, 2, 60)
    few = Regression.on(some).best(scores)
    torch.testing.assert_close(few.halves.check, whole.halves.check, atol=1e-4, rtol=1e-4)
    assert few.r2 == pytest.approx(whole.r2, abs=1e-4)


def test_a_unit_that_fires_once_on_the_checking_examples_leaves_the_regression_alone() -> None:
    nets = [normal(seed, 200, 1, 20) for seed in range(2)]
    nets[0][..., 0] = 1e-6 * nets[0][..., 0]
    nets[0][11, 0, 0] = 5.0  # five million of its standard deviations
    rows = every_second(200)
    scores = halves(nets[1][..., :2] + normal(5, 200, 1, 2))
    without = Regression.on(regressors([nets[0][..., 1:], nets[1]], rows)).best(scores).r2
    assert without > 0.3
    assert Regression.on(regressors(nets, rows)).best(scores).r2 == pytest.approx(without, abs=0.02)


def test_examples_that_are_copies_or_not_finite_or_far_off() -> None:
    net = normal(0, 40, 2, 5)
    net[3], net[6, 0, 0], net[8] = net[2], torch.inf, 1e4
    rows = common_rows(torch.arange(0, 40, 2), torch.arange(1, 40, 2), [net, normal(1, 40, 2, 3)])
    assert 3 in rows.check.tolist()  # a copy in one net alone is another example
    rows = common_rows(torch.arange(0, 40, 2), torch.arange(1, 40, 2), [net])
    assert 3 not in rows.check.tolist()
    assert 6 not in rows.fit.tolist()
    near = drawn_in(rows, [net]).near
    assert near is not None
    far = near.fit[rows.fit == 8]
    assert float(far) < 0.05
    assert float(near.fit[rows.fit != 8].min()) == 1


def drawn(seed: int, r2: Tensor, examples: int, spots: int) -> Pairs:
    """Two runs' scores of known canonical r^2; half of the variance is of the example, half of the position."""
    rng = torch.Generator().manual_seed(seed)

    def rows() -> Tensor:
        whole, own = (torch.randn(examples, of, len(r2), generator=rng, dtype=torch.float64) for of in (1, spots))
        return (whole + own) / 2**0.5

    first = rows()
    second = r2.sqrt() * first + (1 - r2).sqrt() * rows()
    turns = (torch.linalg.qr(torch.randn(len(r2), len(r2), generator=rng, dtype=torch.float64)).Q for _ in range(2))
    a, b = (halves(x @ turn) for x, turn in zip((first, second), turns, strict=True))
    return canonical(a, b)


def interval_of(pairs: list[Pairs], seed: int) -> tuple[float, float]:
    alone = torch.arange(len(pairs[0].left))
    found = Found([], [], [Compared(pair, pair) for pair in pairs], torch.zeros(0), 0.0, (alone, alone))
    return found.interval(found.resampled(200, seed))


@pytest.mark.parametrize(("examples", "spots", "directions"), [(512, 1, 12), (400, 4, 12), (1000, 1, 30)])
def test_intervals_hold_the_true_number(examples: int, spots: int, directions: int) -> None:
    """Canonical r^2 of the population, drawn evenly about the cut, and how many of them reach it."""
    held = 0
    for seed in range(200):
        r2 = 0.2 + 0.6 * torch.rand(directions, generator=torch.Generator().manual_seed(1000 + seed)).double()
        low, high = interval_of([drawn(seed, r2, examples, spots)], seed)
        held += low <= int((r2 >= 0.5).sum()) <= high
    assert 184 <= held <= 199


def test_positions_of_an_example_are_no_examples() -> None:
    r2 = torch.linspace(0.3, 0.7, 9, dtype=torch.float64)
    pair = drawn(0, r2, 200, 1)
    copied = replace(pair, left=pair.left.repeat(1, 8, 1), right=pair.right.repeat(1, 8, 1))
    assert interval_of([copied], 0) == pytest.approx(interval_of([pair], 0))


def test_scores_that_do_not_vary_and_no_scores_at_all_pair_with_nothing() -> None:
    a, still = halves(normal(0, 80, 2, 3)), halves(torch.ones(80, 2, 2))
    assert canonical(a, still).count(0.5) == 0
    assert canonical(a, a.first(0)).count(0.5) == 0
    assert canonical(a, a).count(0.5) == 3
    assert Regression.on(a).best(still).halves.check.abs().max() < 1e-9


def test_one_example_is_not_a_pair() -> None:
    a, b = normal(0, 200, 1, 2).double(), normal(1, 200, 1, 2).double()
    a[1], b[1] = 40.0, 40.0
    found = Pairs(a[1::2], b[1::2], torch.ones(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64))
    assert found.r2.tolist() == [0, 0]


@pytest.mark.parametrize("still", [0.0, 1e-25])
def test_a_net_that_does_not_vary_draws_no_example_in(still: float) -> None:
    rng = torch.Generator().manual_seed(0)
    moving, dead = torch.randn(80, 2, 5, generator=rng), torch.randn(80, 2, 5, generator=rng) * still
    rows = common_rows(torch.arange(40), torch.arange(40, 80), [moving, dead])
    near = drawn_in(rows, [moving, dead]).near
    assert near is not None
    assert bool((near.fit > 0.5).all())
    assert bool(near.check.isfinite().all())


def test_an_example_that_fits_itself_alone_is_predicted_by_nothing() -> None:
    units = torch.zeros(16, 1, 1, dtype=torch.float64)
    units[0] = 2.0**60  # powers of two: without the first example the regression is singular, not nearly so
    units -= units.mean(0)
    scores = torch.randn(16, 1, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    left = Regression.on(Halves(units, units)).best(Halves(scores, scores)).halves.fit
    assert bool(left.isfinite().all())
    assert float(left.square().mean()) > 0.5
