"""Layers measured several at a time are those measured one by one."""

import threading

import pytest
import torch

import layercensus as lc
from layercensus.census import summarise
from layercensus.census.side_by_side import side_by_side

from ..user_models import small

X = torch.randn(150, 1, 8, 8, generator=torch.Generator().manual_seed(2))
SETTINGS = lc.Settings(progress=False, needed=False, twins=1, panel=100, memory_format="contiguous")


def test_results_come_in_order_and_each_is_computed_on_one_core(two_threads: None) -> None:
    threads, other = set[str](), threading.Event()

    def compute(number: int) -> tuple[int, int]:
        threads.add(threading.current_thread().name)
        if number == 0:
            assert other.wait(20)  # the first ends only when the second is under way
        else:
            other.set()
        return number, torch.get_num_threads()

    assert list(side_by_side(compute, range(5))) == [(number, 1) for number in range(5)]
    assert len(threads) == 2
    assert torch.get_num_threads() == 2


def test_an_error_is_the_callers_and_stops_the_rest(two_threads: None) -> None:
    begun: list[int] = []

    def compute(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise lc.CensusError("the second")
        return number

    coming = side_by_side(compute, range(100))
    assert next(coming) == 0
    with pytest.raises(lc.CensusError, match="the second"):
        list(coming)
    assert len(begun) < 6


def test_the_census_is_the_same(two_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lc.take(small(), X, settings=SETTINGS)
    monkeypatch.setattr(summarise, "SMALL", 0)
    torch.set_num_threads(1)
    alone = lc.take(small(), X, settings=SETTINGS)
    assert found.layers.equals(alone.layers)
    assert found.units.equals(alone.units)


def test_measures_of_the_users_stay_in_its_thread(two_threads: None) -> None:
    threads: list[threading.Thread] = []

    def compute(evidence: lc.Evidence) -> lc.Outcome:
        threads.append(threading.current_thread())
        return lc.Outcome()

    lc.take(small(), X, twin=False, measures=(*lc.MEASURES, lc.Measure("mine", compute)), settings=SETTINGS)
    assert set(threads) == {threading.current_thread()}
