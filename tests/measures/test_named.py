"""Named concepts: what is planted is found, permuted concepts are not, and each part agrees with another library."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from layercensus.measures.auc import aucs, centred_ranks, influence, own_aucs
from layercensus.measures.concept_scores import within_needed
from layercensus.measures.named import named
from layercensus.measures.permuted_concepts import best_by_chance, chance_of
from layercensus.measures.rarefaction import rarefied
from layercensus.measures.readable import ridge
from layercensus.testing.planted_concepts import Told, marks_of, planted_concepts
from tests.measures.evidence import evidence, normal

TOLD = Told(alone=4, pairs=2, directions=2, nowhere=6)


def ties(seed: int, rows: int, columns: int) -> torch.Tensor:
    return normal(seed, rows, columns).relu().mul(3).round()


def test_aucs_are_those_of_scikit_learn_with_ties() -> None:
    x, has = ties(0, 60, 5), (normal(1, 60, 3) > 0.3).float()
    expected = [[roc_auc_score(has[:, c], x[:, u]) for u in range(5)] for c in range(3)]
    np.testing.assert_allclose(aucs(centred_ranks(x), has), expected, atol=1e-6)
    np.testing.assert_allclose(centred_ranks(x) + 30.5, rankdata(x.numpy(), axis=0), atol=1e-6)


def test_influence_is_what_an_example_more_changes() -> None:
    """DeLong's: their variance is that of the AUC; to first order they sum to what a resample has."""
    x, has = ties(2, 80, 2), (normal(3, 80, 2) > 0).float()
    moves = influence(x, has)
    np.testing.assert_allclose(moves.sum(0), 0, atol=1e-6)
    weights = torch.ones(80)
    weights[:2] = torch.tensor([1.01, 0.99])
    small = [
        roc_auc_score(has[:, c], x[:, c], sample_weight=weights) - roc_auc_score(has[:, c], x[:, c]) for c in range(2)
    ]
    np.testing.assert_allclose(weights @ moves, small, atol=2e-5)


def test_chance_of_a_score_is_exact_where_examples_are_alone() -> None:
    ranks, has = centred_ranks(ties(4, 40, 1)), (torch.arange(40) < 12).float()[:, None]
    known = chance_of(ranks, has, torch.arange(40), 0)
    draw = torch.Generator().manual_seed(1)
    drawn = torch.stack([own_aucs(ranks, has[torch.randperm(40, generator=draw)]) for _ in range(4000)])
    assert float(known.mean) == 0.5
    assert float(known.deviation) == pytest.approx(float(drawn.std()), rel=0.05)


def test_sources_make_chance_wider() -> None:
    """Ten crops of a photograph that share a concept and a response are one example."""
    group = torch.arange(20).repeat_interleave(10)
    x, has = normal(5, 20, 8)[group], (torch.arange(20) % 2).float()[group][:, None]
    ranks = centred_ranks(x)
    alone, together = (best_by_chance(ranks, has, g, 0) for g in (torch.arange(200), group))
    assert float(alone) < 0.66 < 0.75 < float(together)


def test_a_ridge_regression_is_that_of_the_normal_equations() -> None:
    """With more rows than units and with fewer."""
    for rows, units in ((50, 7), (20, 30)):
        x, has = normal(6, rows, units), (normal(7, rows, 2) > 0).float()
        z, y = (x - x.mean(0)) / x.std(0), has - has.mean(0)
        fit = ridge(x, has)
        amount = 0.1 * fit.root.square().mean()
        expected = torch.linalg.solve((z.T @ z + amount * torch.eye(units)).double(), (z.T @ y).double()).float()
        torch.testing.assert_close(fit.weights(torch.tensor([0.1, 0.1])), expected, rtol=1e-3, atol=1e-4)


def test_the_share_within_needed_directions_is_1_0_and_between() -> None:
    z = normal(8, 400, 3)
    values = torch.stack([z[:, 0] + 2 * z[:, 1], z[:, 2], z[:, 0] + z[:, 2]], 1)
    np.testing.assert_allclose(within_needed(values, z[:, :2]), [1, 0, 0.5], atol=0.06)
    assert within_needed(values[:5], z[:5]).isnan().all()


@pytest.mark.parametrize("spots", [1, 4])
def test_what_is_planted_is_found(spots: int) -> None:
    """Alone, in pairs, as directions of six units; at whole examples and at positions of maps."""
    layer = named.compute(planted_concepts(TOLD, seed=1, spots=spots, examples=800 if spots == 1 else 400)).layer
    assert (layer["named_units"], layer["named"], layer["named_asked"]) == (4, 8, 14)
    assert layer["named_gained"] == 8 - layer["input_named"]
    assert layer["named_low"] <= 8 <= layer["named_high"]


def test_examples_of_one_source_are_no_more_evidence() -> None:
    found = named.compute(planted_concepts(TOLD, seed=2, examples=1500, same=5)).layer
    assert (found["named_units"], found["named"]) == (4, 8)


def test_permuted_concepts_are_not_found() -> None:
    found = []
    for seed in range(5):
        whole = planted_concepts(TOLD, seed, examples=600)
        order = torch.randperm(600, generator=torch.Generator().manual_seed(seed))
        marks = replace(whole.marks[0], value=whole.marks[0].value[order])
        layer = named.compute(replace(whole, marks=(marks,))).layer
        found += [layer["named_units"], layer["named"]]
    assert sum(found) <= 1


def test_units_carry_the_name_that_they_tell() -> None:
    whole = planted_concepts(TOLD, seed=4)
    units = named.compute(whole).units
    assert units["concept"][:4].tolist() == [0, 1, 2, 3]
    assert units["concept"][4:].max() == -1
    assert units["concept_auc"][4:].isnan().all()
    assert (units["concept_auc"][:4] > units["concept_floor"][:4]).all()


def test_the_twin_and_the_input_take_away_what_they_have() -> None:
    whole = planted_concepts(TOLD, seed=5)
    twin = named.compute(whole)
    again = named.compute(replace(whole, twin_arrays=twin.arrays))
    assert again.layer["named_gained"] == 0
    assert again.layer["named"] == 8
    given = replace(whole.marks[0], inputs=whole.marks[0].value + 0.5 * normal(6, 1000, 1, 14))
    by_input = named.compute(replace(whole, marks=(given,))).layer
    assert (by_input["input_named"], by_input["named_gained"]) == (14, 0)


def test_too_few_and_nearly_all_are_left_out() -> None:
    x = normal(9, 300, 1, 6)
    has = torch.zeros(300, 1, 4)
    has[:19, 0, 0], has[19:, 0, 1], has[:150, 0, 2] = 1, 1, 1
    has[:, 0, 3] = (x[:, 0, 0] > 0).float()
    layer = named.compute(evidence(x, x[:, 0], x[:, 0], marks=(marks_of(torch.arange(300), has),))).layer
    assert (layer["named_asked"], layer["named"]) == (2, 1)
    few = evidence(x[:30], x[:30, 0], x[:30, 0], marks=(marks_of(torch.arange(30), has[:30]),))
    assert named.compute(few).layer == {}


def test_what_is_unknown_is_neither_with_nor_without() -> None:
    x = normal(10, 400, 1, 6)
    has = (x[:, :, :2] > 0).float()
    has[:200, 0, 1] = torch.nan
    layer = named.compute(evidence(x, x[:, 0], x[:, 0], marks=(marks_of(torch.arange(400), has),))).layer
    assert (layer["named_asked"], layer["named_units"]) == (2, 2)


def test_a_graded_concept_is_the_upper_quarter() -> None:
    value = torch.tensor([[3.0], [1.0], [2.0], [0.0], [5.0], [4.0], [7.0], [6.0]])[:, None]
    marks = replace(marks_of(torch.arange(8), value), graded=torch.tensor([True]))
    assert marks.has().flatten().tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    half = replace(marks, value=(value > 3).float())
    assert half.has().sum() == 4  # a boolean in half of the examples


def test_marks_of_shards_join_in_any_order() -> None:
    whole = marks_of(torch.arange(9) * 5 - 20, (normal(11, 9, 2, 3) > 0).float(), normal(12, 9, 2, 4))
    one, other = whole.of(whole.key[::2]), whole.of(whole.key[1::2])
    for joined in (one.joined(other), other.joined(one), one.joined(whole)):
        for name, value in whole.state_dict().items():
            assert torch.equal(value, joined.state_dict()[name])


def test_rarefied_labels_are_the_mean_over_draws() -> None:
    """Two labels of three and one units among six: a draw of two holds 1.133 of them, by counting the draws."""
    from itertools import combinations

    label = [0, 0, 0, 1, None, None]
    draws = [len({label[a], label[b]} - {None}) for a, b in combinations(range(6), 2)]
    assert rarefied(np.array([3, 1]), 6, 2) == pytest.approx(np.mean(draws))


def test_rare_words_do_not_stop_a_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    """Very many equal eigenvalues may stop divide and conquer; the other way gives the same."""
    x = torch.zeros(200, 300).scatter_(
        1, torch.randint(0, 150, (200, 4), generator=torch.Generator().manual_seed(0)), 1
    )
    has = (normal(13, 200, 2) > 0).float()
    plain = ridge(x, has).scores(x, torch.tensor([1.0, 1.0]))
    assert plain.isfinite().all()

    def fails(_: torch.Tensor) -> None:
        raise torch.linalg.LinAlgError("failed to converge")

    monkeypatch.setattr(torch.linalg, "eigh", fails)
    torch.testing.assert_close(ridge(x, has).scores(x, torch.tensor([1.0, 1.0])), plain, rtol=1e-3, atol=1e-4)
