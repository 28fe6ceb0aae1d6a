"""Batches that are read ahead are the same, in their order, and an error comes where it belongs."""

import threading
from collections.abc import Iterator

import pytest
import torch

import layercensus as lc
from layercensus.count import ahead as module
from layercensus.count.ahead import ahead
from layercensus.data.batch import Batch
from layercensus.data.open import open_data

from ..user_models import small

CUDA = torch.device("cuda")
X = torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(2))


def test_they_are_the_same_and_read_in_another_thread() -> None:
    source, threads = open_data(X), set[str]()

    def batches() -> Iterator[Batch]:
        for batch in source.batches(16):
            threads.add(threading.current_thread().name)
            yield batch

    found = list(ahead(batches(), CUDA, own_code=True))
    assert [batch.ids for batch in found] == [batch.ids for batch in source.batches(16)]
    assert torch.equal(torch.cat([batch.inputs for batch in found]), X)
    assert {name.rsplit("_", 1)[0] for name in threads} == {"ahead"}


@pytest.mark.parametrize(("device", "own_code"), [(CUDA, False), (torch.device("cpu"), True)])
def test_users_code_stays_in_its_own_thread(device: torch.device, own_code: bool) -> None:
    threads: list[threading.Thread] = []

    def batches() -> Iterator[Batch]:
        threads.append(threading.current_thread())
        yield from open_data(X).batches(25)

    assert len(list(ahead(batches(), device, own_code=own_code))) == 2
    assert threads == [threading.current_thread()]


def test_an_error_comes_behind_the_batches_before_it() -> None:
    def batches() -> Iterator[Batch]:
        yield from open_data(X).batches(25)
        raise lc.CensusError("no more")

    coming = ahead(batches(), CUDA, own_code=True)
    assert [len(next(coming).ids) for _ in range(2)] == [25, 25]
    with pytest.raises(lc.CensusError, match="no more"):
        next(coming)


def test_who_stops_early_leaves_no_thread() -> None:
    coming = ahead(open_data(X).batches(5), CUDA, own_code=True)
    next(coming)
    coming.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_a_census_does_not_depend_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = lc.Settings(progress=False, needed=False, twins=1, panel=40, batch=16, memory_format="contiguous")
    here = lc.take(small(), X, twin=False, settings=settings)
    monkeypatch.setattr(module, "DEVICES", ("cpu",))
    there = lc.take(small(), X, twin=False, settings=settings)
    assert here.layers.equals(there.layers)
    assert here.units.equals(there.units)
