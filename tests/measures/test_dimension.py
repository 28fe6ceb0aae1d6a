"""Dimensions are those of the manifold, of the oracle packages, and nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import dimensionality
import numpy as np
import pytest
import skdim
import torch
from torch import Tensor

from layercensus.measures import MEASURES, measure
from layercensus.measures.manifold import ceiling, plateau, with_interval
from layercensus.measures.marchenko_pastur import spikes
from layercensus.measures.neighbours import distances, gride, mle, scales, twonn
from layercensus.measures.parallel import parallel
from layercensus.measures.spectrum import participation, spectrum
from layercensus.tally import Sketch

from .evidence import evidence, normal, outcome


def swiss_roll(n: int, seed: int, noise: float) -> Tensor:
    rng = np.random.default_rng(seed)
    t, height = 1.5 * np.pi * (1 + 2 * rng.random(n)), 21 * rng.random(n)
    x = torch.from_numpy(np.stack([t * np.cos(t), height, t * np.sin(t)], 1)).float()
    wide = torch.zeros(n, 20)
    wide[:, :3] = x
    return wide + noise * wide[:, :3].std() * normal(seed, n, 20)


def test_estimates_are_those_of_scikit_dimension() -> None:
    manifolds = skdim.datasets.BenchmarkManifolds(random_state=0).generate(n=600)
    assert len(manifolds) >= 20
    for name, x in manifolds.items():
        r, repeated = distances(torch.from_numpy(x))
        assert repeated == 0, name
        assert float(twonn(r)) == pytest.approx(skdim.id.TwoNN().fit(x).dimension_, rel=5e-3), name
        assert mle(r) == pytest.approx(skdim.id.MLE().fit(x).dimension_, rel=1e-3), name
        assert gride(r, 1) == pytest.approx(skdim.id.GRIDE().fit(x).dimension_, rel=2e-2), name


@pytest.mark.parametrize("d", [1, 2, 4, 6, 8, 10])
def test_known_dimensions(d: int) -> None:
    turn = torch.linalg.qr(normal(d, 60, 60)).Q[:d]
    for seed in range(3):
        flat = normal(seed, 1500, d)
        x = flat @ turn + 0.3 * (flat @ turn).sin()  # bent in 60 dimensions
        r, _ = distances(x)
        allowed = 0.15 if d <= 6 else 0.2
        assert float(twonn(r)) == pytest.approx(d, rel=allowed)
        assert mle(r) == pytest.approx(d, rel=allowed)
        assert float(twonn(r)) < ceiling(1500)


def test_a_dimension_beyond_reach_is_a_lower_bound() -> None:
    r, _ = distances(normal(0, 1000, 40))
    assert ceiling(1000) < float(twonn(r)) < 40


def test_noise_on_a_swiss_roll_is_seen_through_at_the_plateau() -> None:
    r, _ = distances(swiss_roll(2500, 0, 0.05))
    curve = scales(r)
    at = plateau(curve)
    assert float(twonn(r)) > 8
    assert at is not None
    assert 1.8 <= curve[at] <= 3.2


def test_examples_that_repeat_are_dropped_and_counted_and_discrete_layers_have_no_dimension() -> None:
    x = normal(0, 300, 5)
    r, repeated = distances(torch.cat([x, x[:40]]))
    assert repeated == 40
    assert float(twonn(r)) == pytest.approx(float(twonn(distances(x)[0])))
    binary = (normal(1, 400, 1, 3) > 0).float()
    got = outcome(binary, binary[:, 0], binary[:, 0])
    assert "twonn" not in got.layer
    assert got.layer["repeated"] > 300


def test_participation_ratio_is_unbiased_and_agrees_with_its_authors() -> None:
    scale = torch.ones(200)
    scale[50:] = 0.0
    for rows, low in ((32, 22), (256, 43)):
        found = [participation((normal(s, rows, 200) * scale).double()) for s in range(12)]
        assert np.mean([naive for naive, _ in found]) < low
        assert np.mean([true for _, true in found]) == pytest.approx(50, rel=0.06)
    x = normal(3, 64, 40).double() * torch.linspace(0.2, 2, 40)
    theirs = dimensionality.participation_ratio(x.numpy(), return_all=True)
    assert participation(x)[0] == pytest.approx(float(theirs["naive"]), rel=1e-6)
    assert participation(x)[1] == pytest.approx(float(theirs["row"]), rel=1e-6)


@pytest.mark.parametrize(("n", "p"), [(400, 80), (300, 600)])
def test_planted_rank_is_found_and_noise_has_none(n: int, p: int) -> None:
    silent = found = 0
    for seed in range(10):
        noise = normal(seed, n, p)
        strength = 3.0 * (1 + (p / n) ** 0.5)
        planted = noise + (normal(seed + 50, n, 5) * strength**0.5) @ torch.linalg.qr(normal(seed + 90, p, 5)).Q.T
        for x, rank in ((noise, 0), (planted, 5)):
            z = (x - x.mean(0)) / x.std(0)
            right = (spikes(spectrum(z.double()), n, p) == rank) + (
                parallel(z, group=torch.arange(len(z)), seed=seed) == rank
            )
            silent, found = (silent + right, found) if rank == 0 else (silent, found + right)
    assert silent >= 17  # of 20, each test being wrong once in twenty
    assert found >= 16


def test_positions_are_no_rows_so_smooth_noise_has_no_signal() -> None:
    noise = torch.nn.functional.avg_pool1d(normal(0, 300, 40, 110), 11, 1)  # (examples, units, positions)
    views = [torch.nn.functional.avg_pool1d(normal(s, 300, 40, 110), 11, 1).mean(2) for s in (1, 2)]
    got = outcome(noise.transpose(1, 2)[:, :8], *views).layer
    assert got["parallel_dim"] == 0
    assert got["mp_dim"] == 0
    assert got["signal_dim"] <= 1


def test_signal_dim_is_the_number_of_directions_that_come_back() -> None:
    hidden, mix = normal(0, 800, 6), normal(1, 6, 40)
    clean = (hidden @ mix)[:, None]
    a, b = (clean[:, 0] + 0.8 * normal(s, 800, 40) for s in (2, 3))
    assert outcome(clean, a, b).layer["signal_dim"] in (6, 7)


def test_a_sketch_keeps_the_dimension() -> None:
    basis = normal(0, 5, 48 * 20 * 20)
    flat = normal(1, 800, 5)
    maps = torch.relu(flat @ basis + 0.5 * (flat[:, :1] * flat[:, 1:2])).view(800, 48, 20, 20)
    exact = float(twonn(distances(maps.flatten(1))[0]))
    sketch = Sketch("layer", (48, 20, 20), 1)
    assert float(twonn(distances(sketch(maps))[0])) == pytest.approx(exact, rel=0.05)
    last = maps.to(memory_format=torch.channels_last)
    torch.testing.assert_close(sketch(last), sketch(maps))
    assert torch.equal(Sketch("layer", (4, 5), 1)(maps[:3, :4, 0, :5]), maps[:3, :4, 0, :5].movedim(1, -1).flatten(1))


def test_without_dimension_nothing_is_computed() -> None:
    from layercensus.settings import Settings

    x = normal(0, 200, 1, 6)
    got = outcome(x, x[:, 0], x[:, 0], settings=Settings())
    assert not {"twonn", "k90", "repeated"} & set(got.layer)
    assert evidence(x, x[:, 0], x[:, 0]).panel.sketch.shape == (200, 6)


def test_layers_of_low_rank_or_of_copies_have_no_bulk_of_noise() -> None:
    low = (normal(0, 400, 10) @ normal(1, 10, 60)).double()
    copies = normal(2, 400, 15).repeat(1, 4).double()
    for x, rank in ((low, 10), (copies, 15)):
        z = (x - x.mean(0)) / x.std(0)
        assert spikes(spectrum(z), *z.shape) is None
        assert parallel(z.float(), group=torch.arange(len(z)), seed=0) == rank


def test_units_that_rest_in_the_panel_do_not_break_the_count() -> None:
    x = normal(0, 200, 1, 4)
    x[1:] = 0.0
    whole = evidence(x, x[:, 0], x[:, 0])
    still = replace(whole, panel=evidence(x[1:], x[1:, 0], x[1:, 0]).panel)
    got = measure(still, MEASURES)
    assert got.layer["live"] == 4
    assert "participation_ratio" not in got.layer


@pytest.mark.parametrize("most", [2, 20])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_distances_are_those_of_differences_however_uneven_they_are(most: int, offset: float) -> None:
    g = torch.Generator().manual_seed(0)
    line = torch.randn(600, 1, generator=g)  # neighbours a thousandth of the spread apart
    clumps = torch.randn(4, 50, generator=g)[torch.arange(600) % 4] * 100 + torch.randn(600, 50, generator=g)
    for x in (line, clumps):
        x = (x + offset).double().float()
        exact = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
        exact.fill_diagonal_(torch.inf)
        size = (x.double() - x.double().mean(0)).square().sum(1).amax()
        repeats = torch.triu(exact.square() <= 1e-12 * size, 1).any(0)  # nearer than rounding can tell
        exact = exact[~repeats][:, ~repeats]
        r, repeated = distances(x, most)
        assert repeated == int(repeats.sum())
        assert torch.allclose(r, exact.sort(1).values[:, :most], rtol=1e-3, atol=0)


def test_the_interval_of_twonn_holds_the_expected_estimate() -> None:
    found = []
    for seed in range(100):
        x = torch.randn(300, 3, generator=torch.Generator().manual_seed(seed))
        found.append(with_interval(distances(x, 2)[0], 200, seed))
    estimate, low, high = np.array(found).T
    held = ((low <= estimate.mean()) & (estimate.mean() <= high)).mean()
    assert held >= 0.89  # 95 % less three standard errors of a hundred samples


def test_only_examples_that_are_the_same_count_as_repeated() -> None:
    x = torch.randn(200, 1021, generator=torch.Generator().manual_seed(0))
    near = x + 1e-4 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    assert distances(torch.cat([x, near]), 20)[1] == 0
    assert distances(torch.cat([x, near, x]), 20)[1] == 200


def test_a_lattice_leaves_twonn_in_doubt() -> None:
    r = distances(torch.randint(0, 9, (200, 3), generator=torch.Generator().manual_seed(0)).float(), 2)[0]
    estimate, low, high = with_interval(r, 200, 0)
    assert low < estimate < high
