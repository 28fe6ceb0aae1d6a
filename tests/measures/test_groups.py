"""Resamples draw whole groups of examples, few groups give wide intervals, and permutations move groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from layercensus.data.keys import key
from layercensus.data.open import open_data
from layercensus.intervene.examples import read_examples
from layercensus.measures import MEASURES, measure
from layercensus.measures.dealt import BLOCKS, Dealt
from layercensus.measures.informative import Chance
from layercensus.measures.interval import bounds, example_weights
from layercensus.measures.manifold import with_interval
from layercensus.measures.needed import curves
from layercensus.measures.neighbours import distances_of
from layercensus.measures.parallel import parallel
from layercensus.measures.permuted_labels import permuted_labels
from layercensus.testing.evidence import evidence
from layercensus.testing.planted_needs import planted_needs


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_examples_that_stand_alone_are_dealt_as_ever() -> None:
    drawn = np.random.default_rng(7).multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), size=5)
    for groups in (100, torch.arange(100) * 7 - 300):
        weights = example_weights(groups, 5, 7)
        assert torch.equal(weights, torch.from_numpy(drawn).float()[:, torch.arange(100) % BLOCKS])
    assert torch.equal(example_weights(5, 3, 0).sum(1), torch.full((3,), 5.0))


def test_a_group_is_drawn_as_a_whole() -> None:
    group = torch.from_numpy(np.random.default_rng(0).integers(0, 10, 300))
    weights = example_weights(group, 50, 0)
    for one in range(10):
        assert bool((weights[:, group == one] == weights[:, group == one][:, :1]).all())
    each = torch.stack([weights[:, group == one][:, 0] for one in range(10)], 1)
    assert torch.equal(each.sum(1), torch.full((50,), 10.0))
    assert bool((each.std(0) > 0).all())
    assert len(Dealt.of(torch.arange(200) // 2).rows) == BLOCKS  # of a hundred pairs


def test_sums_over_blocks() -> None:
    x = normal(0, 90, 4)
    for group in (torch.arange(90), torch.arange(90) // 9):
        dealt = Dealt.of(group)
        expected = torch.stack([x[dealt.block() == block].double().sum(0) for block in range(len(dealt.rows))])
        torch.testing.assert_close(dealt.sums(x), expected, rtol=1e-5, atol=1e-5)


def test_few_groups_widen_by_students_t() -> None:
    counts = torch.tensor([12, 12, 11, 13])
    five = Dealt.of(torch.arange(20) // 4)
    away = 2.7764451 / 1.9599640  # the t quantile of 4 degrees of freedom, from a printed table
    torch.testing.assert_close(
        five.widened(counts, 10, 40), torch.tensor([10 + 2 * away, 10 - 2 * away, 10 + away, 10 - 3 * away]).double()
    )
    assert five.widened(counts, 10, 12).max() == 12
    assert Dealt.of(4).widened(counts, 10, 40) is counts
    assert Dealt.of(torch.zeros(9)).widened(counts, 10, 40).tolist() == [0, 40, 0, 40]  # one group says nothing
    assert bounds("a", 10, torch.full((9,), 10.0), five, 40) == {"a_low": 9.5, "a_high": 10.5}
    assert bounds("a", 10, torch.full((9,), 10.0), Dealt.of(9), 40) == {"a_low": 10, "a_high": 10}


def test_a_bias_of_few_groups_is_taken_off_twice() -> None:
    resampled, estimate = torch.tensor([[0.2, 0.5], [0.4, 0.7]]), torch.tensor([0.4, 0.6])
    pairs = Dealt.of(torch.tensor([1, 1, 2, 2]))
    torch.testing.assert_close(pairs.corrected(resampled, estimate), torch.tensor([[0.4, 0.5], [0.6, 0.7]]))
    assert Dealt.of(4).corrected(resampled, estimate) is resampled


def test_labels_of_whole_groups_move_together() -> None:
    group = torch.arange(60) // 6
    label, generator = (group % 3), torch.Generator().manual_seed(0)
    draw = permuted_labels(label, group)
    for _ in range(20):
        drawn = draw(generator).view(10, 6)
        assert bool((drawn == drawn[:, :1]).all())
        assert torch.bincount(drawn[:, 0]).tolist() == [4, 3, 3]


def test_labels_that_differ_in_a_group_move_within_it() -> None:
    group, label = torch.tensor([5, 1, 5, 1, 5, 9]), torch.tensor([0, 2, 1, 3, 1, 4])
    draw, generator = permuted_labels(label, group), torch.Generator().manual_seed(0)
    drawn = torch.stack([draw(generator) for _ in range(50)])
    for one in (5, 1, 9):
        assert torch.equal(drawn[:, group == one].sort(1).values, label[group == one].sort().values.expand(50, -1))
    assert len(torch.unique(drawn, dim=0)) == 3 * 2


def test_ten_photographs_are_no_evidence_of_classes() -> None:
    """Units that know the photograph and nothing of its class: crop by crop most seem to tell the classes apart."""
    photograph = torch.arange(400) // 40
    label, x = photograph % 2, normal(0, 10, 60)[photograph] + 0.3 * normal(1, 400, 60)
    alone, known = (Chance(label, 2, group, 0).p(x) for group in (torch.arange(400), photograph))
    assert float((alone <= 0.05).double().mean()) > 0.6
    assert float((known <= 0.05).double().mean()) < 0.15
    told = x + 8 * label[:, None]
    assert float(Chance(label, 2, photograph, 0).p(told).max()) < 0.02  # 2 of 252 divisions are as good as the true one


def test_the_threshold_of_grouped_labels_is_what_they_reach_as_rarely() -> None:
    photograph = torch.arange(400) // 40
    label, x = photograph % 2, normal(0, 10, 60)[photograph] + 0.3 * normal(1, 400, 60)
    chance = Chance(label, 2, photograph, 0)
    threshold = chance.threshold(x, 0.05)
    fresh = normal(2, 500, 10, 60)[:, photograph] + 0.3 * normal(3, 500, 400, 60)
    between = (fresh[:, label == 0].mean(1) - fresh[:, label == 1].mean(1)).square() / 4
    eta2 = between / fresh.var(1, correction=0)
    assert 0.02 < float((eta2 > threshold).double().mean()) < 0.09
    assert float(Chance(label, 2, torch.arange(400), 0).threshold(x, 0.05)[0]) < 0.02  # crop by crop


def test_units_that_share_photographs_alone_have_no_direction() -> None:
    photograph = torch.from_numpy(np.random.default_rng(0).integers(0, 12, 600))
    found = {"alone": 0, "known": 0}
    for seed in range(5):
        x = normal(seed, 12, 20)[photograph] + 0.5 * normal(seed + 50, 600, 20)
        x = (x - x.mean(0)) / x.std(0)
        found["alone"] += parallel(x, group=torch.arange(600), seed=0)
        found["known"] += parallel(x, group=photograph, seed=0)
    assert found["known"] <= 1 < 10 < found["alone"]


def test_needed_doubts_between_sources() -> None:
    """Each held-out answer five times over is as much evidence as once."""
    rows = normal(0, 80, 6)[:, None]
    once = planted_needs(rows, normal(1, 6, 2))
    five = {"change": once.change.repeat(1, 5), "variance": once.variance.repeat(5), "held_out": torch.arange(200)}
    group = torch.arange(40).repeat(5)
    for known, then in zip(curves(replace(once, **five), group), curves(once), strict=True):
        torch.testing.assert_close(known, then)
    narrow = curves(replace(once, **five), torch.arange(200))
    assert bool((narrow[2] <= curves(once)[2] * (1 + 1e-9)).all())
    assert float(narrow[2][1]) < float(curves(once)[2][1])


def test_directions_are_chosen_on_other_sources_than_they_are_judged_on() -> None:
    which = np.random.default_rng(0).integers(0, 12, 200)
    source = open_data(normal(0, 200, 3), groups=which)
    batch = source.first(200)
    keys, order = torch.tensor([key(id) for id in batch.ids]).sort()
    groups = batch.sources(torch.zeros(200, dtype=torch.int64))[order]
    for again in (source, open_data(iter([{"inputs": normal(0, 200, 3), "groups": which}]))):
        found = read_examples(again, keys.numpy(), groups, calibration=90, held_out=90, batch=32)
        sides = [{int(g) for b in part for g in b.groups} for part in (found.calibration, found.held_out)]
        assert [len(side) for side in sides] == [6, 6]
        assert not sides[0] & sides[1]


def test_twonn_draws_whole_groups() -> None:
    """Points on a line, a group each of other density, hold the dimension in their own way."""
    of = [1 + seed % 4 for seed in range(8)]  # dimensions
    x = torch.cat([normal(n, 40, d) @ normal(50 + n, d, 8) + 40 * n for n, d in enumerate(of)])
    r, rows = distances_of(torch.cat([x, x[:20]]))
    assert rows.tolist() == list(range(320))
    group = torch.arange(320) // 40
    estimate, low, high = with_interval(r, 200, 0)
    known = with_interval(r, 200, 0, group)
    assert known[0] == estimate
    assert known[2] - known[1] > 2 * (high - low)
    assert with_interval(r, 200, 0, torch.arange(320)) == (estimate, low, high)
    assert np.isnan(with_interval(r, 200, 0, torch.zeros(320))[1:]).all()


def crops(
    seed: int, photographs: int, units: int = 30, examples: int = 300
) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    """(photograph, clean, two views, truth): single units whose reliability lies around a half."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, photographs, examples)
    share = torch.from_numpy(rng.uniform(0.35, 0.65, units)).float()
    x = 0.8**0.5 * normal(3 * seed, photographs, units)[which] + 0.2**0.5 * normal(3 * seed + 1, examples, units)
    a, b = x[None] * share.sqrt() + normal(3 * seed + 2, 2, examples, units) * (1 - share).sqrt()
    return torch.from_numpy(which), x[:, None], a, b, int((share >= 0.5).sum())


@pytest.mark.parametrize(("groups", "least", "most"), [(False, 0, 21), (True, 27, 30)])
def test_intervals_from_ten_photographs_hold_the_truth(groups: bool, least: int, most: int) -> None:
    """`reliable` in 30 draws; in 200 draws: benchmarks/intervals.py --groups."""
    held = 0
    for seed in range(30):
        which, clean, a, b, truth = crops(seed, 10)
        made = evidence(clean, a, b, group=which if groups else None)
        row = measure(made, [m for m in MEASURES if m.name in ("live", "reliability")]).layer
        held += row["reliable_low"] <= truth <= row["reliable_high"]
    assert least <= held <= most
