"""Reducing a layer's output in its own layout gives what the plain formula gives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layercensus.tally import Sketch, reduce_output
from layercensus.tally.slab import kept

LAYOUTS = {"NC": 1, "NCL": 1, "NLC": 2, "NCHW": 1, "NHWC": 3, "NCHW channels_last": 1, "NCDHW": 1}


def output(layout: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    sizes = {"N": 5, "C": 4, "L": 9, "H": 3, "W": 7, "D": 2}
    x = torch.randn([sizes[a] for a in layout.split()[0]], generator=torch.Generator().manual_seed(seed)).to(dtype)
    return x.to(memory_format=torch.channels_last) if "last" in layout else x


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_mean_and_peak_are_over_all_positions(layout: str, dtype: torch.dtype) -> None:
    x = output(layout, dtype)
    rows = x.float().movedim(LAYOUTS[layout], -1).reshape(5, -1, 4)
    reading = reduce_output(x, LAYOUTS[layout])
    torch.testing.assert_close(reading.mean, rows.mean(1), rtol=1e-5, atol=1e-6)
    assert torch.equal(reading.peak, rows.amax(1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_spots_are_the_same_places_in_every_layout(layout: str) -> None:
    x = output(layout)
    rows = x.movedim(LAYOUTS[layout], -1).reshape(5, -1, 4)
    draws = torch.tensor([[0.0, 0.5], [0.99, 0.2]])
    spots = reduce_output(x, LAYOUTS[layout], rows=torch.tensor([1, 3]), draws=draws).spots
    places = (draws * rows.shape[1]).long() if rows.shape[1] > 2 else torch.arange(rows.shape[1]).expand(2, -1)
    assert torch.equal(spots, torch.stack([rows[1][places[0]], rows[3][places[1]]]))


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=5, max_size=5), fill=st.sampled_from([0.0, 1e6, float("inf")]))
def test_what_is_masked_is_never_counted(lengths: list[int], fill: float) -> None:
    x, mask = output("NLC"), torch.arange(9) < torch.tensor(lengths)[:, None]
    dirty = x.masked_fill(~mask[:, :, None], fill)
    draws = torch.rand(5, 3, generator=torch.Generator().manual_seed(1))
    reading = reduce_output(dirty, 2, mask=mask, rows=torch.arange(5), draws=draws)
    for i, n in enumerate(lengths):
        torch.testing.assert_close(reading.mean[i], x[i, :n].mean(0))
        assert torch.equal(reading.peak[i], x[i, :n].amax(0))
        assert torch.equal(reading.spots[i], x[i, :n][(draws[i] * n).long()])


def test_the_output_is_never_written_to() -> None:
    x = output("NCHW")
    before = x.clone()
    reduce_output(x, 1, rows=torch.arange(5), draws=torch.zeros(5, 2))
    assert torch.equal(x, before)


def test_what_the_net_writes_over_a_small_map_later_does_not_reach_its_sketch() -> None:
    for x in (torch.randn(4, 6, 8), torch.randn(4, 5, 7, 7).to(memory_format=torch.channels_last)):
        axis = 2 if x.ndim == 3 else 1
        rows, draws = torch.arange(4), torch.rand(4, 2)
        sketch = Sketch("small", x.shape[1:], axis)
        reading = reduce_output(x, axis, rows=rows, draws=draws, sketch=sketch)
        assert reading.sketch is not None
        before = reading.sketch.clone()
        x.zero_()
        assert torch.equal(reading.sketch, before)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 1, 1), (4, 5, 3, 3)])
def test_what_the_net_writes_over_its_output_later_does_not_reach_the_reading(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    reading = reduce_output(x, 1, rows=torch.arange(4), draws=torch.rand(4, 2))
    assert reading.spots is not None
    before = [t.clone() for t in (reading.mean, reading.peak, reading.spots)]
    x.zero_()
    assert all(torch.equal(t, b) for t, b in zip((reading.mean, reading.peak, reading.spots), before, strict=True))


def test_what_is_kept_of_an_output_is_its_own_dense_copy() -> None:
    x = torch.randn(3, 4, dtype=torch.float64).T
    copies = [kept(x) for _ in range(3)]
    x.zero_()
    assert all(c.dtype == torch.float32 and c.is_contiguous() and c.shape == (4, 3) for c in copies)
    copies[0].fill_(7)
    assert torch.equal(copies[1], copies[2])
    assert bool((copies[1] != 0).all() and (copies[1] != 7).all())
    assert kept(torch.zeros(0, 3)).shape == (0, 3)
    large = torch.arange(2_000_000.0)  # more than a slab holds
    assert torch.equal(kept(large), large)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cached", [1, 200, 10**9])
def test_large_maps_are_read_a_few_at_a_time_to_the_last_bit(
    layout: str, cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = output(layout)
    whole = reduce_output(x, LAYOUTS[layout])
    monkeypatch.setattr("layercensus.tally.reading.LARGE", 0)
    monkeypatch.setattr("layercensus.tally.reading.CACHED", cached)
    parts = reduce_output(x, LAYOUTS[layout])
    assert torch.equal(parts.mean, whole.mean)
    assert torch.equal(parts.peak, whole.peak)
