"""Every tally obeys the same laws; a new one is added to ALL and gets every test."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor

from layercensus.tally import Moments, Panel, Streams, Tally, Top


@dataclass(frozen=True)
class Rows:
    x: Tensor  # (examples, units)
    keys: Tensor  # (examples,)

    def __getitem__(self, rows: Tensor | slice) -> "Rows":
        return Rows(self.x[rows], self.keys[rows])


def stream(kind: type) -> Callable[[Rows], Tally]:
    def fed(rows: Rows) -> Tally:
        tally = kind.empty(rows.x.shape[1])
        tally.update(rows.x.float(), rows.x.float() * 2, rows.keys)
        return tally

    return fed


def panel(rows: Rows) -> Tally:
    x = rows.x.float()
    tally = Panel.empty(x.shape[1], capacity=7, spots=2, bins=2)
    tally.merge(
        Panel(
            tally.capacity,
            rows.keys,
            rows.keys % 3,
            x,
            x,
            x,
            x,
            x,
            x,
            torch.stack([x, -x], 1),
            x.repeat(1, 2)[:, :2],
            rows.keys % 5,
        )
    )
    return tally


ALL = {
    "Moments": stream(Moments),
    "Top": stream(Top),
    "Streams": stream(Streams),
    "Panel": panel,
}
every = pytest.mark.parametrize("name", ALL)


@st.composite
def some_rows(draw: st.DrawFn) -> Rows:
    n, units, seed = draw(st.integers(0, 40)), draw(st.integers(1, 5)), draw(st.integers(0, 2**31))
    offset = draw(st.sampled_from([0.0, 1e4, -1e4]))
    dtype = draw(st.sampled_from([torch.float16, torch.bfloat16, torch.float32]))
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, units, generator=generator).mul(3).round().div(3).add(offset).to(dtype)
    return Rows(x, torch.randperm(1000, generator=generator)[:n] * 7919 - 3_000_000)


def assert_same(one: Tally, two: Tally) -> None:
    for field, value in one.state_dict().items():
        torch.testing.assert_close(
            value, two.state_dict()[field], rtol=1e-9, atol=1e-7, msg=lambda m, f=field: f"{f}: {m}"
        )


@every
@settings(max_examples=40, deadline=None)
@given(rows=some_rows(), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_batching_does_not_matter(name: str, rows: Rows, cuts: list[int]) -> None:
    whole, parts = ALL[name](rows), ALL[name](rows[:0])
    edges = [0, *sorted(min(c, len(rows.keys)) for c in cuts), len(rows.keys)]
    for start, end in pairwise(edges):
        parts.merge(ALL[name](rows[start:end]))
    assert_same(whole, parts)


@every
@settings(max_examples=40, deadline=None)
@given(rows=some_rows(), seed=st.integers(0, 99))
def test_order_does_not_matter(name: str, rows: Rows, seed: int) -> None:
    order = torch.randperm(len(rows.keys), generator=torch.Generator().manual_seed(seed))
    assert_same(ALL[name](rows), ALL[name](rows[order]))


@every
@settings(max_examples=40, deadline=None)
@given(rows=some_rows(), a=st.integers(0, 40), b=st.integers(0, 40))
def test_merging_is_associative_and_commutes(name: str, rows: Rows, a: int, b: int) -> None:
    low, high = sorted((a, b))

    def parts() -> list[Tally]:
        return [ALL[name](rows[:low]), ALL[name](rows[low:high]), ALL[name](rows[high:])]

    one, two, three = parts()
    one.merge(two)
    one.merge(three)
    left, middle, right = parts()
    right.merge(middle)
    right.merge(left)
    assert_same(one, right)


@every
@settings(max_examples=20, deadline=None)
@given(rows=some_rows())
def test_state_survives_safetensors(name: str, rows: Rows) -> None:
    tally = ALL[name](rows)
    state = {k: v.contiguous().clone() for k, v in tally.state_dict().items()}
    assert_same(tally, type(tally).from_state(load(save(state))))


@settings(max_examples=60, deadline=None)
@given(rows=some_rows())
def test_moments_are_those_of_numpy_even_far_from_zero(rows: Rows) -> None:
    if len(rows.keys) < 2:
        return
    tally = ALL["Moments"](rows)
    x = rows.x.float().double().numpy()
    torch.testing.assert_close(tally.mean.numpy(), x.mean(0), rtol=1e-12, atol=1e-9)
    torch.testing.assert_close((tally.m2 / tally.count).numpy(), x.var(0), rtol=1e-7, atol=1e-10)
    assert tally.fired.tolist() == (x > 0).sum(0).tolist()


@settings(max_examples=60, deadline=None)
@given(rows=some_rows())
def test_top_examples_are_the_best_by_value_then_key(rows: Rows) -> None:
    tally = ALL["Top"](rows)
    for unit in range(rows.x.shape[1]):
        best = sorted(zip((-2 * rows.x[:, unit].float()).tolist(), rows.keys.tolist(), strict=True))[: len(tally.peak)]
        assert tally.peak_key[: len(best), unit].tolist() == [key for _, key in best]
        by_mean = sorted(zip((-rows.x[:, unit].float()).tolist(), rows.keys.tolist(), strict=True))[: len(tally.peak)]
        assert tally.mean_key[: len(by_mean), unit].tolist() == [key for _, key in by_mean]


def test_the_panel_holds_the_smallest_keys() -> None:
    rows = Rows(torch.arange(20.0)[:, None], torch.arange(20).flip(0) - 10)
    kept = ALL["Panel"](rows)
    assert kept.key.tolist() == list(range(-10, -3))
    assert kept.mean.flatten().tolist() == [19.0, 18.0, 17.0, 16.0, 15.0, 14.0, 13.0]
