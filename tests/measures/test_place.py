"""Heavy arithmetic goes to the net's device and comes back; the numbers are those of the CPU."""

import pytest
import torch
from torch import Tensor

from layercensus.measures import MEASURES, measure
from layercensus.measures.dealt import Dealt
from layercensus.measures.place import CPU, heavy, heavy_on
from layercensus.testing import mixed_evidence
from layercensus.testing.laws import values

ELSEWHERE = torch.device("cpu", 0)  # as torch sees it another device than "cpu", which lets the way there be tried


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    monkeypatch.setattr("layercensus.measures.place.FASTER", ("cpu",))
    return ELSEWHERE


def test_every_number_is_the_same_on_the_way_through_a_device(elsewhere: torch.device) -> None:
    here = values(measure(mixed_evidence(), MEASURES))
    with heavy_on(elsewhere):
        there = values(measure(mixed_evidence(), MEASURES))
    assert here.keys() == there.keys()
    for name, value in here.items():
        assert torch.equal(value.nan_to_num(-9), there[name].nan_to_num(-9)), name


def test_what_comes_back_unchanged_is_the_very_tensor_that_went(elsewhere: torch.device) -> None:
    rows, group = torch.randn(40, 3), torch.arange(40) // 2

    @heavy
    def both(x: Tensor, dealt: Dealt, *, factor: float) -> tuple[Tensor, Dealt, Tensor, torch.device]:
        return x, dealt, factor * x, torch.get_default_device()

    dealt = Dealt.of(group)
    with heavy_on(elsewhere):
        x, same, twice, made_on = both(rows, dealt, factor=2.0)
    assert x is rows
    assert all(a is b for a, b in zip(same.rows, dealt.rows, strict=True))
    assert torch.equal(twice, 2 * rows)
    assert made_on == elsewhere


def test_where_the_device_has_too_little_memory_the_cpu_computes(elsewhere: torch.device) -> None:
    tried = []

    @heavy
    def total(x: Tensor) -> Tensor:
        tried.append(torch.get_default_device())
        if len(tried) == 1:
            raise torch.OutOfMemoryError
        return x.sum()

    with heavy_on(elsewhere):
        assert float(total(torch.ones(5))) == 5
    assert tried == [elsewhere, CPU]


@pytest.mark.parametrize("kind", ["mps", "meta"])
def test_a_device_without_float64_is_not_asked(kind: str) -> None:
    with heavy_on(torch.device(kind)):
        assert heavy(lambda x: 2 * x)(torch.ones(1)).device == CPU


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_counts_are_those_of_the_cpu_on_a_gpu() -> None:
    here = values(measure(mixed_evidence(), MEASURES))
    with heavy_on(torch.device("cuda")):
        there = values(measure(mixed_evidence(), MEASURES))
    assert here.keys() == there.keys()
    for name, value in here.items():
        torch.testing.assert_close(value, there[name], rtol=1e-4, atol=1e-4, equal_nan=True, msg=name)
