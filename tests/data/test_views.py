import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from layercensus.data.batch import Batch
from layercensus.data.keys import key, seed_of
from layercensus.data.open import open_data
from layercensus.data.perturb import ALL, LOUDER, NOISY, SHIFTED, shifted
from layercensus.data.perturb_many import perturbed_many
from layercensus.data.replay import Replay
from layercensus.data.source import Source
from layercensus.data.views import Views, default_views, jittered, make_view, open_views
from layercensus.errors import CensusError


def randn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


TOKENS = np.random.default_rng(0).integers(0, 50, (12, 30))
SOURCES: dict[str, Source] = {
    "images": open_data(randn(12, 3, 16, 16)),
    "signals": open_data(randn(12, 2, 64)),
    "arrays": open_data(randn(12, 10)),
    "volumes": open_data(randn(12, 1, 4, 4, 4)),
    "tokens": open_data(TOKENS),
    "token dicts": open_data([{"input_ids": TOKENS, "attention_mask": np.ones_like(TOKENS)}]),
    "tuples": open_data([((torch.from_numpy(randn(12, 3, 8, 8)), torch.from_numpy(randn(12, 5))), np.arange(12))]),
}


def flat(batch: Batch) -> Tensor:
    """All of a batch's inputs in one row an example."""
    inputs = batch.inputs
    held = (
        list(inputs.values()) if isinstance(inputs, dict) else list(inputs) if isinstance(inputs, tuple) else [inputs]
    )
    return torch.cat([x.reshape(len(batch.ids), -1).double() for x in held], 1)


@pytest.mark.parametrize("kind", SOURCES)
@given(
    order=st.permutations(range(12)), cuts=st.lists(st.integers(0, 12), max_size=4), seed=st.integers(-(2**63), 2**63)
)
@settings(max_examples=10, deadline=None)
def test_batching_and_order_do_not_matter(kind: str, order: list[int], cuts: list[int], seed: int) -> None:
    source = SOURCES[kind]
    views, ids = default_views(source), [str(i) for i in order]
    one = flat(make_view(views, source.pick([str(i) for i in range(12)]), seed, 1))
    edges = sorted({0, 12, *cuts})
    parts = [flat(make_view(views, source.pick(ids[a:b]), seed, 1)) for a, b in pairwise(edges)]
    assert torch.equal(torch.cat(parts), one[order])


@pytest.mark.parametrize("kind", SOURCES)
def test_seeds_views_and_examples_are_independent(kind: str) -> None:
    source = SOURCES[kind]
    views, batch = default_views(source, 3.0), source.pick([str(i) for i in range(12)])
    a, b, c = (flat(make_view(views, batch, seed, view)) for seed, view in ((0, 0), (0, 1), (1, 0)))
    assert torch.equal(a, flat(make_view(views, batch, 0, 0)))
    for one, two in ((a, b), (a, c), (a, flat(batch))):
        assert (one != two).any(1).all()


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("strength", [1e-3, 0.5, 7.0, 1e3])
def test_views_keep_shape_type_and_the_batch_itself(kind: str, strength: float) -> None:
    source = SOURCES[kind]
    batch = source.pick(["3", "7"])
    before = flat(batch).clone()
    seen = make_view(default_views(source, strength), batch, 0, 0)
    assert seen.ids == batch.ids
    assert flat(seen).shape == before.shape
    assert torch.isfinite(flat(seen)).all()
    assert torch.equal(flat(batch), before)
    if isinstance(batch.inputs, Tensor):
        assert seen.inputs.dtype == batch.inputs.dtype


@given(seed=st.integers(), id=st.text(max_size=8), view=st.integers(0, 9))
def test_a_seed_depends_on_all_three(seed: int, id: str, view: int) -> None:
    assert seed_of(seed, id, view) == seed_of(seed, id, view)
    others = {seed_of(seed + 1, id, view), seed_of(seed, id, view + 1), seed_of(seed, id + "x", view)}
    assert seed_of(seed, id, view) not in others
    assert -(2**63) <= key(id) < 2**63


def test_keys_are_the_same_everywhere() -> None:
    assert (key("0"), key("cat/1.png")) == (KEYS_WRITTEN_DOWN["0"], KEYS_WRITTEN_DOWN["cat/1.png"])


@given(whole=st.integers(-20, 20), axis=st.sampled_from([-1, -2]))
def test_a_whole_shift_moves_and_repeats_the_edge(whole: int, axis: int) -> None:
    x = randn(2, 6, 8)
    n = x.shape[axis]
    place = (np.arange(n) - whole).clip(0, n - 1)
    np.testing.assert_array_equal(shifted(x, axis, float(whole)), x.take(place, axis))


@given(amount=st.floats(-3, 3))
def test_a_fractional_shift_is_linear(amount: float) -> None:
    ramp = np.arange(32, dtype=np.float32)[None]
    np.testing.assert_allclose(shifted(ramp, -1, amount)[0, 4:-4], ramp[0, 4:-4] - np.float32(amount), atol=1e-4)


def test_an_image_s_view_has_the_amounts_that_its_name_says() -> None:
    flat_image, noisy = np.full((400, 1, 16, 16), 0.5, np.float32), randn(400, 1, 16, 16)
    views = default_views(open_data(noisy))
    assert views.name == (
        "shift by up to 0.0625 of each side, contrast x 0.819 to 1.22, "
        "pixel noise of 0.1 of the image's standard deviation"
    )
    ids = tuple(map(str, range(400)))
    same = make_view(views, Batch(torch.from_numpy(flat_image), ids), 0, 0).inputs
    torch.testing.assert_close(same, torch.from_numpy(flat_image))
    half = np.zeros_like(noisy)
    half[:, :, :, 8:] = 1  # one edge: its place tells the shift, its height the contrast
    seen = make_view(views, Batch(torch.from_numpy(half), ids), 0, 0).inputs
    height = (seen[:, :, :, 12:].mean((1, 2, 3)) - seen[:, :, :, :4].mean((1, 2, 3))).numpy()
    assert 0.8 < height.min() < 0.84
    assert 1.2 < height.max() < 1.24
    noise = (seen[:, :, :, :4] - seen[:, :, :, :4].mean((1, 2, 3), keepdim=True)).std().item()
    assert noise == pytest.approx(0.1 * 0.5, rel=0.03)
    centred = (seen[:, 0] - seen[:, 0].mean((1, 2), keepdim=True)).mean(1)
    moved = -centred.sum(1).numpy()
    assert np.abs(moved).max() < 1e-4
    edge = 8 - (seen[:, 0].mean(1) - seen[:, 0, :, :4].mean((1, 2))[:, None]).sum(1).numpy() / height
    assert -1.1 < edge.min() < -0.9
    assert 0.9 < edge.max() < 1.1


def test_a_feature_is_jittered_by_its_own_deviation_and_a_constant_one_is_not() -> None:
    x = randn(1500, 3) * np.array([1, 100, 0], np.float32) + np.array([0, 1e4, 0.1], np.float32)
    source = open_data(x)
    views = default_views(source, 2.0)
    assert views.name == "Gaussian jitter of 0.5 of each feature's standard deviation over the data"
    moved = make_view(views, source.pick(source.ids or ()), 0, 0).inputs.numpy() - x
    assert moved[:, 0].std() == pytest.approx(0.5 * x[:, 0].std(), rel=0.08)
    assert moved[:, 1].std() == pytest.approx(0.5 * x[:, 1].std(), rel=0.08)
    assert (moved[:, 2] == 0).all()


def test_the_deviation_comes_from_the_examples_with_the_smallest_keys() -> None:
    n = 3000
    x = np.full((n, 1), 1e6, np.float32)
    small = sorted(range(n), key=lambda row: key(str(row)))[:1024]
    x[small, 0] = np.arange(1024) % 2
    jitter = make_view(
        default_views(open_data(x)), Batch(torch.zeros(500, 1), tuple(map(str, range(500)))), 0, 0
    ).inputs
    assert jitter.std().item() == pytest.approx(0.25 * 0.5, rel=0.1)


@pytest.mark.parametrize("size", [1, 7, 300])
def test_a_stream_gives_the_same_views_for_any_batch_size_and_loses_nothing(size: int) -> None:
    x = randn(600, 4)

    def stream() -> Iterator[np.ndarray]:
        yield from np.array_split(x, range(size, 600, size))

    source = Replay(open_data(stream()), 256, size)
    views = open_views(None, source)
    expected = default_views(open_data(x[:256]))
    batch = Batch(torch.from_numpy(x[:9]), tuple("abcdefghi"))
    assert torch.equal(make_view(views, batch, 0, 0).inputs, make_view(expected, batch, 0, 0).inputs)
    assert sum(len(b.ids) for b in source.batches(size)) == 600


def test_tokens_are_replaced_at_the_rate_that_the_name_says() -> None:
    source = open_data(np.random.default_rng(1).integers(5, 905, (40, 500)))
    views = default_views(source)
    assert views.name == "0.15 of the tokens replaced by random ones that occur in the data"
    batch = source.pick(source.ids or ())
    seen = make_view(views, batch, 0, 0).inputs
    assert (seen != batch.inputs).double().mean().item() == pytest.approx(0.15, abs=0.01)
    assert seen.min() >= 5
    assert seen.max() < 905


def test_padding_stays() -> None:
    mask = (np.arange(30) < 10).astype(np.int64)[None].repeat(12, 0)
    source = open_data([{"input_ids": TOKENS * mask, "attention_mask": mask}])
    seen = make_view(default_views(source, 6.0), source.pick(["0", "1"]), 0, 0)
    assert (seen.inputs["input_ids"][:, 10:] == 0).all()
    assert (seen.inputs["attention_mask"].numpy() == mask[:2]).all()


def test_a_user_s_function_and_its_name() -> None:
    def doubled(x: Tensor, random: np.random.Generator) -> np.ndarray:
        x *= 2  # in place: it must get a copy
        return x.double().numpy()

    source = SOURCES["images"]
    views = open_views(doubled, source)
    assert "doubled" in views.name
    batch = source.pick(["1", "2"])
    before = batch.inputs.clone()
    seen = make_view(views, batch, 0, 0).inputs
    assert torch.equal(seen, before * 2)
    assert seen.dtype == torch.float32
    assert torch.equal(batch.inputs, before)
    own = Views("my own", doubled)
    opened = open_views(own, source)
    assert opened.name == "my own"
    assert torch.equal(make_view(opened, batch, 0, 0).inputs, before * 2)
    assert open_views(0.5, source).name == default_views(source, 0.5).name


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda x, r: x[:1], r"Views must keep the shape \(3, 16, 16\). Got \(1, 16, 16\) for example '5'"),
        (lambda x, r: x / 0, "Views must be finite. Got NaN or inf for example '5'"),
        (lambda x, r: None, "Views must return the perturbed example. Got NoneType for example '5'"),
        (lambda x: x, "Views must take every example. Got TypeError for example '5'"),
    ],
)
def test_a_user_s_function_that_fails_names_the_example(make: Any, said: str) -> None:
    source = SOURCES["images"]
    with pytest.raises(CensusError, match=said):
        make_view(open_views(make, source), source.pick(["5"]), 0, 0)


def test_a_function_must_keep_the_form_of_dicts_and_tuples() -> None:
    for kind, said in (
        ("token dicts", "must return a dict with input_ids, attention_mask"),
        ("tuples", "a tuple of 2"),
    ):
        source = SOURCES[kind]
        with pytest.raises(CensusError, match=said):
            make_view(open_views(lambda x, r: torch.zeros(3), source), source.pick(["0"]), 0, 0)


@pytest.mark.parametrize("views", [0, -1.0, float("nan"), float("inf"), True, "strong"])
def test_views_that_are_none(views: Any) -> None:
    with pytest.raises(CensusError, match="views"):
        open_views(views, SOURCES["arrays"])


def test_a_view_of_a_photograph_costs_milliseconds() -> None:
    source = open_data(randn(8, 3, 224, 224))
    views, batch = default_views(source), source.pick([str(i) for i in range(8)])
    times = []
    for view in range(4):
        start = time.process_time()
        make_view(views, batch, 0, view)
        times.append((time.process_time() - start) / 8)
    assert min(times) < 0.02  # 2 to 3 ms on a quiet core


KEYS_WRITTEN_DOWN = {"0": -8922900122303602827, "cat/1.png": -1963934896633639668}


@pytest.mark.parametrize("kind", ["images", "signals"])
@pytest.mark.parametrize("kinds", [ALL, frozenset({SHIFTED}), frozenset({LOUDER}), frozenset({NOISY})])
@pytest.mark.parametrize("strength", [1.0, 20.0])
def test_many_at_a_time_are_what_one_by_one_gives(kind: str, kinds: frozenset[str], strength: float) -> None:
    source = SOURCES[kind]
    views, batch = jittered(source, strength, kinds), source.pick([str(i) for i in (3, 1, 11)])
    expected = make_view(views, batch, 7, 1).inputs
    randoms = [np.random.Generator(np.random.SFC64(seed_of(7, id, 1))) for id in batch.ids]
    found = perturbed_many(batch.inputs, randoms, strength=strength, kinds=kinds)
    assert (found - batch.inputs).abs().amax(tuple(range(1, found.ndim))).gt(1e-3).all()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_the_default_views_are_made_many_at_a_time_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any device but the CPU: torch's own "meta" would hold no numbers, so that the CPU stands for one."""
    source, elsewhere = SOURCES["images"], torch.device("cpu")
    views, batch = default_views(source), source.pick([str(i) for i in range(5)])
    monkeypatch.setattr("layercensus.data.views.ONE_BY_ONE", ())
    monkeypatch.setattr("layercensus.data.views.AT_ONCE", 2 * batch.inputs[0].numel())
    one_by_one = make_view(views, batch, 0, 1)
    together = make_view(views, batch, 0, 1, device=elsewhere)
    assert not torch.equal(one_by_one.inputs, together.inputs)
    torch.testing.assert_close(one_by_one.inputs, together.inputs, rtol=1e-5, atol=1e-5)
    x = batch.inputs.clone()
    x[4] = torch.inf
    with pytest.raises(CensusError, match="Got NaN or inf for example '4'"):
        make_view(views, batch.with_inputs(x), 0, 1, device=elsewhere)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
@pytest.mark.parametrize("kind", ["images", "signals"])
def test_views_on_a_gpu_are_those_of_the_cpu(kind: str) -> None:
    source = SOURCES[kind]
    views, batch = default_views(source), source.pick([str(i) for i in range(12)])
    found = make_view(views, batch, 0, 1, device=torch.device("cuda")).inputs
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), make_view(views, batch, 0, 1).inputs, rtol=1e-5, atol=1e-5)
