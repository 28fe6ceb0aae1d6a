"""The expected number of concepts in a draw is the hypergeometric one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from layercensus.measures.rarefaction import presence, rarefied


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=20), spare=st.integers(0, 200), data=st.data())
def test_it_agrees_with_scipy(sizes: list[int], spare: int, data: st.DataObject) -> None:
    width = sum(sizes) + spare
    draw = data.draw(st.integers(1, width))
    expected = sum(1 - hypergeom.pmf(0, width, size, draw) for size in sizes)
    assert rarefied(np.array(sizes), width, draw) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_it_agrees_with_drawing() -> None:
    sizes, width, draw = np.array([7, 3, 1, 1]), 20, 6
    concept = np.concatenate([np.repeat(np.arange(4), sizes), np.full(width - sizes.sum(), -1)])
    rng = np.random.default_rng(0)
    drawn = [len(set(rng.choice(concept, draw, replace=False)) - {-1}) for _ in range(20_000)]
    assert rarefied(sizes, width, draw) == pytest.approx(np.mean(drawn), abs=0.03)


def test_a_draw_of_everything_finds_everything() -> None:
    assert rarefied(np.array([5, 1, 2]), 30, 30) == pytest.approx(3.0)


def test_copies_do_not_raise_it_and_width_alone_does_not_either() -> None:
    assert rarefied(np.full(8, 4), 32, 8) < rarefied(np.full(8, 1), 8, 8)
    flat = [rarefied(np.full(n // 2, 1), n, 16) for n in (16, 64, 512, 4096)]
    assert np.ptp(flat) < 1e-6  # half of all units distinct at any width: eight in a draw of sixteen


def test_it_is_exact_for_wide_layers() -> None:
    got, width = presence(16_384, 64), 16_384
    for size in (1, 5, 300):
        assert got[size] == pytest.approx(1 - hypergeom.pmf(0, width, size, 64), rel=1e-7)
