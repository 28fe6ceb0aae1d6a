"""Copies are found whatever they went through, and units that only chance or a switch joins are not called copies."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from scipy.stats import multivariate_normal, norm, rankdata, spearmanr
from torch import Tensor, nn

import layercensus as lc
from layercensus.measures import MEASURES, Outcome, measure
from layercensus.measures.correlation import correlation, unit_correlation
from layercensus.measures.ranks import grid, latent, ranked
from layercensus.measures.relation import RELATIONS
from layercensus.measures.relations import Relations

from .evidence import evidence, normal

JUDGES = [m for m in MEASURES if m.name in ("live", "reliability", "distinct", "fate")]
Bend = Callable[[Tensor], Tensor]


def counted(x: Tensor, resamples: int = 60) -> Outcome:
    """What is said of units with these readings, (examples, units) or (examples, spots, units)."""
    x = x if x.ndim == 3 else x[:, None]
    return measure(evidence(x, x.mean(1), x.mean(1), settings=lc.Settings(resamples=resamples)), JUDGES)


def copies(seed: int, examples: int, correlation: float, concepts: int = 20) -> Tensor:
    """Two readings of each concept."""
    base, own = normal(seed, examples, concepts), normal(seed + 500, 2, examples, concepts)
    return torch.cat(list(correlation**0.5 * base + (1 - correlation) ** 0.5 * own), 1)


@pytest.mark.parametrize(
    "bend",
    [torch.exp, lambda z: z**3, torch.relu, lambda z: z.clamp(-1, 1), torch.tanh, lambda z: -z.exp(), torch.sigmoid],
    ids=["exp", "cube", "relu", "clamp", "tanh", "minus exp", "sigmoid"],
)
def test_a_monotone_copy_is_a_copy(bend: Bend) -> None:
    z = normal(0, 1000, 20)
    layer = counted(torch.cat([z, bend(z)], 1)).layer
    assert (layer["distinct"], layer["distinct_low"]) == (20, 20)
    assert layer["distinct_high"] <= 21


@pytest.mark.parametrize(
    ("bend", "most"),
    [(lambda z: (z - 1).relu(), 20), (lambda z: (z - 2).relu(), 23), (lambda z: (z > 0).float(), 20),
     (lambda z: (z > 1).float(), 20), (torch.round, 20), (torch.exp, 20), (lambda z: (2 * z).exp(), 20)],
    ids=["relu -1", "relu -2", "z > 0", "z > 1", "quantised", "lognormal", "heavier"],
)  # fmt: skip
def test_noisy_copies_are_found_behind_what_cuts_them_off(bend: Bend, most: int) -> None:
    layer = counted(bend(copies(0, 2000, 0.948))).layer
    assert 20 <= layer["distinct"] <= most
    assert layer["distinct_low"] <= 20 + (most > 20) <= layer["distinct_high"]


@pytest.mark.parametrize("bend", [torch.relu, lambda z: (z - 1).relu(), lambda z: (z > 1).float(), torch.round])
def test_what_correlates_by_eight_tenths_behind_a_cut_is_two_concepts(bend: Bend) -> None:
    assert counted(bend(copies(1, 2000, 0.8))).layer["distinct"] == 40


def test_scores_of_binary_units_give_the_tetrachoric_correlation() -> None:
    rho, cut = 0.7, 0.5
    both = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([-cut, -cut])  # exact cells, no sampling
    p = float(norm.sf(cut))
    n = 100_000
    counts = [round(n * both), round(n * (p - both)), round(n * (p - both))]
    a = torch.zeros(n, 2)
    a[: counts[0]] = 1.0
    a[counts[0] : counts[0] + counts[1], 0] = 1.0
    a[counts[0] + counts[1] : sum(counts), 1] = 1.0
    r = ranked(a)
    got = latent(correlation(r.scores)[:1, 1:], r.curve[:1])
    assert float(got) == pytest.approx(rho, abs=0.02)


def test_ranks_are_scipys_midranks() -> None:
    x = (3 * normal(2, 200, 5)).round()
    r = ranked(x)
    torch.testing.assert_close(r.ranks + 1, torch.from_numpy(rankdata(x.numpy(), axis=0)).float())
    assert float(correlation(r.ranks)[0, 1]) == pytest.approx(spearmanr(x[:, 0], x[:, 1]).statistic, abs=1e-5)


def test_curves_rise_from_nothing_to_one() -> None:
    curve = ranked(torch.cat([f(normal(3, 800, 2)) for f in (torch.relu, torch.round, torch.sign)], 1)).curve
    assert bool((curve.diff(dim=1) > 0).all())
    torch.testing.assert_close(curve[:, [0, -1]], torch.tensor([[0.0, 1.0]]).expand(6, 2), atol=1e-4, rtol=0.0)
    assert grid()[[0, -1]].tolist() == [0, 1]


FAMILIES: dict[str, Bend] = {
    "normal": lambda z: z,
    "relu": torch.relu,
    "rarely relu": lambda z: (z - 2).relu(),
    "rarely on": lambda z: (z > 2.5).float(),
    "hardly ever on": lambda z: (z > 2.9).float(),
    "lognormal": torch.exp,
    "heavy": lambda z: (3 * z).exp(),
    "quantised": torch.round,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_no_independent_units_are_merged_in_twenty_seeds(family: str) -> None:
    merged = 0
    for seed in range(20):
        x = FAMILIES[family](normal(seed, 200, 1, 150))
        relations = Relations.of(x, torch.arange(150))
        c, _ = relations.block(unit_correlation(x, x[:, 0]), slice(None), slice(None), sign_blind=True)
        merged += int((c.abs().triu(1) >= 0.9).sum())
    assert merged == 0


def test_a_shared_switch_is_no_shared_concept() -> None:
    on = (normal(1, 1000, 10) > 1).float()
    assert (
        counted(torch.cat([on * normal(2, 1000, 10).abs(), on * normal(3, 1000, 10).abs()], 1)).layer["distinct"] == 20
    )


def test_a_kind_within_a_kind_is_another_concept() -> None:
    z = normal(4, 2000, 10)
    assert counted(torch.cat([(z > cut).float() for cut in (1, 1.7, 2.2)], 1)).layer["distinct"] == 30


def test_pairs_say_which_relation_they_have() -> None:
    z = normal(5, 800, 6)
    got = counted(torch.cat([z, 2 * z, -z, (2 * z).exp(), (z - 1).relu(), -3 * (z - 1).relu()], 1))
    words = [RELATIONS[k] if k >= 0 else "" for k in got.units["relation"].tolist()]
    first = got.units["representative"] == torch.arange(36)
    assert words[:6] == words[24:30] == [""] * 6
    assert bool(first[:6].all() and first[24:30].all())
    assert [words[k] for k in (6, 12, 18, 30)] == ["same", "negated", "monotone", "negated"]
    assert [len(set(words[k : k + 6])) for k in (6, 12, 18, 30)] == [1] * 4


def test_signed_counts_keep_a_falling_copy_apart() -> None:
    z = normal(6, 600, 8)
    x = torch.cat([z, -z.exp(), (z > 0).float(), (z < 0).float()], 1)[:, None]
    whole = evidence(x, x[:, 0], x[:, 0], settings=lc.Settings(resamples=20, sign_blind=False))
    assert measure(whole, JUDGES).layer["distinct"] == 32


class Shifts(nn.Module):
    """Maps of some patterns and the same maps, moved by one to five columns around a circle."""

    def __init__(self, patterns: int) -> None:
        super().__init__()
        self.read, self.out = nn.Identity(), nn.Linear(patterns, 2)

    def forward(self, x: Tensor) -> Tensor:
        self.read(torch.cat([x.roll(k, -1) for k in range(6)], 1))
        out: Tensor = self.out(x.mean((2, 3)))
        return out


def test_shifted_copies_in_maps_get_their_relation_and_a_finding() -> None:
    x = normal(7, 400, 5, 6, 6) + 0.5 * normal(8, 400, 5, 1, 1)
    settings = lc.Settings(progress=False, pictures=0, resamples=20)
    census = lc.take(Shifts(5), x, layers=["read"], twin=False, views=0.05, settings=settings)
    row, units = census.layers.iloc[0], census.units
    assert (row["distinct"], row["distinct_pooled"]) == (30, 5)
    moved = units[units["relation"] == "shifted"]
    assert len(moved) == 25
    assert all((moved["unit"] - moved["shift_of"]) % 5 == 0)
    assert any("30 distinct units have 5 different spatial means" in f.sentence for f in census.findings)


def test_a_wide_layer_finds_the_same_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    x = copies(9, 600, 0.95, concepts=8)
    x = torch.cat([x, x[:, :8].exp(), (x > 1).float()], 1)[:, None]
    whole = evidence(x, x[:, 0], x[:, 0], settings=lc.Settings(resamples=30))
    plain = measure(whole, JUDGES)
    monkeypatch.setattr("layercensus.measures.similar_pairs.BLOCK", 7)
    tight = measure(replace(whole, settings=replace(whole.settings, memory=0.001)), JUDGES)
    monkeypatch.undo()
    assert plain.layer == pytest.approx(tight.layer)
    assert torch.equal(plain.units["relation"], tight.units["relation"])


def test_maps_without_a_reliable_unit_have_no_distinct_one() -> None:
    x = normal(10, 60, 4, 5)
    noise = [normal(seed, 60, 5) for seed in (11, 12)]
    layer = measure(evidence(x, *noise, settings=lc.Settings(resamples=20)), JUDGES).layer
    assert (layer["reliable"], layer["distinct"], layer["distinct_pooled"]) == (0, 0, 0)
    assert "coverage" not in layer
