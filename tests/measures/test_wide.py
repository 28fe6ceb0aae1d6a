"""A layer that is wider than the budget gets the numbers of an ordinary one, from its similar pairs and its rows."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import layercensus as lc
from layercensus.measures import MEASURES, Evidence, Outcome, measure
from layercensus.measures.correlation import correlation, flat_clusters, linkage_of, similarity_of
from layercensus.measures.redundant import BY_ROWS, mixture, wide_mixture
from layercensus.measures.similar_pairs import DENSE, similar_pairs
from layercensus.measures.sparse_linkage import clusters_at, merges_of
from layercensus.measures.wide import WideLayer
from layercensus.testing import evidence as make_evidence
from layercensus.testing import mixed_evidence


def in_blocks(monkeypatch: pytest.MonkeyPatch, evidence: Evidence, memory: float = 2.0) -> Outcome:
    """What the measures say when every layer counts as too wide for matrices of units by units."""
    monkeypatch.setattr(sys.modules["layercensus.measures.distinct"], "too_wide", lambda *_: True)
    for name in ("similar_pairs", "redundant"):
        monkeypatch.setattr(sys.modules[f"layercensus.measures.{name}"], "BLOCK", 7)
    monkeypatch.setattr(sys.modules["layercensus.measures.by_units"], "NUMBERS", 1000)
    return measure(replace(evidence, settings=replace(evidence.settings, memory=memory)), MEASURES)


def test_the_numbers_are_those_of_the_whole_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = mixed_evidence()
    whole = measure(evidence, MEASURES)
    blocks = in_blocks(monkeypatch, evidence)
    assert not blocks.notes
    assert blocks.layer == pytest.approx(whole.layer)
    for name, values in whole.units.items():
        if name == "cluster":  # its numbers are names; `representative` says who is with whom
            continue
        torch.testing.assert_close(blocks.units[name], values, equal_nan=True, rtol=1e-4, atol=1e-5)
    for name, values in whole.arrays.items():
        torch.testing.assert_close(blocks.arrays[name], values, equal_nan=True, rtol=1e-4, atol=1e-5)


def test_what_is_beyond_the_budget_is_missing_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["layercensus.measures.similar_pairs"], "EACH", 10**6)  # two pairs, then
    outcome = in_blocks(monkeypatch, mixed_evidence(), memory=0.002)
    assert "distinct" not in outcome.layer
    assert outcome.layer["reliable"] > 0
    assert any("duplicates not counted" in note and "memory=" in note for note in outcome.notes)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), units=st.integers(2, 60), factors=st.integers(2, 6), blind=st.booleans())
def test_sparse_linkage_is_complete_linkage(seed: int, units: int, factors: int, blind: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(90, factors, generator=generator) @ torch.randn(factors, units, generator=generator)
    x += 0.2 * torch.randn(90, units, generator=generator)
    pairs = similar_pairs([lambda some: x[:, some]], units, floors=[0.5], sign_blind=blind, most=10**6)
    assert pairs is not None
    similarity = similarity_of(correlation(x), blind)
    merges, linkage = merges_of(pairs), linkage_of(similarity)
    for tau in (0.5, 0.7, 0.9, 0.95):
        ours, theirs = clusters_at(merges, tau), flat_clusters(linkage, units, tau)
        assert {frozenset((ours == k).nonzero()[0]) for k in set(ours)} == {
            frozenset((theirs == k).nonzero()[0]) for k in set(theirs)
        }


def test_a_mixture_from_rows_is_the_mixture_from_units() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(2, 40, 1, 12, generator=generator) @ torch.randn(12, 90, generator=generator)
    fit, check = base + 0.3 * torch.randn(base.shape, generator=generator)
    whole = mixture(fit.flatten(0, 1), check.flatten(0, 1))
    parts = {int(units[0]): mixed for units, mixed in wide_mixture(fit, check, torch.arange(90))}
    left = torch.cat([parts[first].left for first in sorted(parts)], 1)
    torch.testing.assert_close(left, whole.left, rtol=1e-6, atol=1e-8)


def test_what_this_machine_cannot_hold_is_left_out_and_the_rest_is_counted() -> None:
    def compute(evidence: Evidence) -> Outcome:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    greedy = replace(MEASURES[0], name="greedy", compute=compute, layer_columns={}, unit_columns={})
    outcome = measure(mixed_evidence(), (*MEASURES, greedy))
    assert outcome.notes == ("greedy left out: the memory of this machine did not suffice",)
    assert outcome.layer["distinct"] > 0


def test_redundant_is_left_out_where_units_and_rows_are_both_beyond_the_budget() -> None:
    wide = _planted(units=362, examples=2000)  # 1,000 rows in each half: more than units, and both squares too large
    assert min(DENSE * 362**2, BY_ROWS * 1000**2) > 0.001 * 1e9
    outcome = measure(replace(wide, settings=replace(wide.settings, memory=0.001)), MEASURES)
    assert "redundant" not in outcome.layer
    assert "redundant left out: 362 units and 1,000 rows to invert (memory=0.001)" in outcome.notes


def test_redundant_of_more_rows_than_units_is_counted_by_rows_where_these_fit() -> None:
    wide = _planted(units=150, examples=312)  # 48 x 150^2 bytes are beyond 1 MB, 40 x 156^2 are not
    assert BY_ROWS * 156**2 < 0.001 * 1e9 < DENSE * 150**2
    tight = measure(replace(wide, settings=replace(wide.settings, memory=0.001)), MEASURES)
    whole = measure(wide, MEASURES)
    assert whole.layer["redundant"] > 0
    assert tight.layer["redundant"] == whole.layer["redundant"]
    torch.testing.assert_close(tight.units["r2_rest"], whole.units["r2_rest"], rtol=1e-4, atol=1e-5)


def _planted(units: int, examples: int) -> Evidence:
    """A layer whose units are mixtures of forty directions, with two views of little noise."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.randn(examples, 40, generator=generator) @ torch.randn(40, units, generator=generator)
    a, b = (clean + 0.05 * torch.randn(clean.shape, generator=generator) for _ in range(2))
    return make_evidence(clean[:, None], a, b)


def test_the_matrices_of_rows_take_no_more_than_is_foreseen() -> None:
    rows = units = 400
    fit = torch.randn(rows, 1, units, generator=torch.Generator().manual_seed(0))
    with Allocated() as allocated:
        list(wide_mixture(fit, fit, torch.arange(units)))
    square = 8 * rows * rows
    assert sum(1 for size in allocated.sizes if size >= square) * square <= BY_ROWS * rows * rows
    assert max(size for size in allocated.sizes if size < square) <= square // 16  # of the units, a block at a time


def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every computation over units takes few of them at a time, as of a layer of tens of thousands."""
    sizes = {
        "by_units.NUMBERS": 2**19, "ranks.AT_ONCE": 2**14, "similar_pairs.BLOCK": 64, "redundant.BLOCK": 64,
        "relations.ROWS": 64, "similar_pairs.ROOM": 16, "span.MOST_ROWS": 128, "spectrum.NUMBERS": 2**19,
        "coincidence.AT_ONCE": 2**14, "pair_resamples.AT_ONCE": 2**14, "relations.AT_ONCE": 2**17,
    }  # fmt: skip
    for name, size in sizes.items():
        module, _, constant = name.partition(".")
        monkeypatch.setattr(sys.modules[f"layercensus.measures.{module}"], constant, size)


@pytest.mark.parametrize("kind", ["linear", "rectified", "grouped"])
def test_no_measure_copies_a_wide_layer_in_float64(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    units, examples = 1000, 200
    layer = _with_labels(kind, units, examples, lc.Settings(resamples=20))
    whole = measure(layer, MEASURES)
    small_blocks(monkeypatch)
    with Allocated() as allocated:
        blocks = measure(replace(layer, settings=replace(layer.settings, memory=0.005)), MEASURES)
    assert max(allocated.sizes) < 4 * examples * units  # bytes of a reading in float32, and of half of it in float64
    assert blocks.notes == whole.notes
    assert blocks.layer == pytest.approx(whole.layer)


def test_the_dimension_of_a_wide_layer_is_that_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = _with_labels("rectified", 900, 400, lc.Settings(resamples=20, dimension=True))
    some = [each for each in MEASURES if each.name in ("live", "spectrum", "manifold")]
    whole = measure(layer, some)
    small_blocks(monkeypatch)
    with Allocated() as allocated:
        blocks = measure(layer, some)
    assert max(allocated.sizes) <= 4 * 400 * 900
    assert blocks.layer == pytest.approx(whole.layer, rel=1e-5)
    torch.testing.assert_close(blocks.arrays["spectrum"], whole.arrays["spectrum"], rtol=1e-6, atol=1e-8)


def _with_labels(kind: str, units: int, examples: int, settings: lc.Settings) -> Evidence:
    """A layer of one position in two views, with five classes; of some kinds cut off, or with examples in threes."""
    x = _planted(units, examples).panel.spots
    x = x.relu() if kind == "rectified" else x
    noise = 0.01 * torch.randn(examples, units, generator=torch.Generator().manual_seed(1))
    group = torch.arange(examples) // 3 if kind == "grouped" else None
    label = torch.arange(examples) % 5
    layer = make_evidence(x, x[:, 0] + noise, x[:, 0], label=label, group=group, settings=settings, classes=5)
    rows = replace(layer.panel, sketch=torch.zeros(examples, 0), peak=layer.panel.mean, a_peak=layer.panel.a_mean)
    return replace(layer, panel=replace(rows, b_peak=rows.b_mean))


class Allocated(TorchDispatchMode):
    """Bytes of every tensor that an operation gives back as a new one."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {x.untyped_storage().data_ptr() for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
        for x in tree_leaves(result):
            if isinstance(x, torch.Tensor) and x.untyped_storage().data_ptr() not in given:
                self.sizes.append(x.numel() * x.element_size())
        return result


def test_resamples_read_no_more_units_than_have_a_pair() -> None:
    generator = torch.Generator().manual_seed(0)
    alike, others, examples = 70, 900, 64
    x = torch.randn(examples, 1, alike + others, generator=generator)
    x[:, :, 35:70] = x[:, :, :35] + 0.1 * torch.randn(examples, 1, 35, generator=generator)
    half = replace(mixed_evidence().panel.half(1), spots=x)
    layer = WideLayer.of(half, torch.arange(alike + others), lc.Settings(resamples=20))
    assert layer is not None
    with Allocated() as allocated:
        found = layer.resamples(torch.ones(20, alike + others, dtype=torch.bool), np.ones(alike + others + 1), 0)
    assert found.distinct.tolist() == [35 + others] * 20
    assert max(allocated.sizes) < 4 * examples * others  # never a copy of all units
