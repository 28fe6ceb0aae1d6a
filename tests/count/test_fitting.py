"""A batch that the memory does not hold is halved, and nothing of the census shows it."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.count.fitting import Fitting
from layercensus.count.panel_sampler import PanelSampler
from layercensus.data.batch import Batch
from layercensus.errors import OutOfMemoryError


class Small(nn.Module):
    """A net that runs out of memory above so many examples, or below so many."""

    def __init__(self, most: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3))
        self.most, self.passed = most, list[int]()

    def forward(self, x: Tensor) -> Tensor:
        self.passed.append(len(x))
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.net(x)  # type: ignore[no-any-return]


X = torch.randn(90, 6, generator=torch.Generator().manual_seed(1))


def census(most: int, **more: object) -> tuple[Small, lc.Census]:
    net = Small(most)
    settings = lc.Settings(progress=False, twins=1, calibration=32, held_out=16, **more)  # type: ignore[arg-type]
    return net, lc.take(net, X, twin=False, settings=settings)


def test_a_count_goes_on_with_smaller_batches() -> None:
    net, small = census(most=5)
    _, large = census(most=1000)
    pd.testing.assert_frame_equal(small.layers, large.layers)
    pd.testing.assert_frame_equal(small.units, large.units)
    assert small.layers["needed"].notna().all()
    counting = net.passed[net.passed.index(32) :]
    assert counting[:4] == [32, 16, 8, 4]  # halved until it fits
    assert counting.count(8) <= 2  # and not tried again, but once more for what the net needs
    assert max(n for n in counting[4:] if n not in (32, 16, 8)) <= 5


def test_a_stream_has_the_panel_that_it_would_have_had() -> None:
    def taken(most: int) -> list[str]:
        settings = lc.Settings(progress=False, needed=False, panel=20)
        made = lc.take(Small(most), iter(X.split(30)), twin=False, settings=settings)
        return [str(value) for value in made.layers.round(9).to_dict("records")]

    assert taken(7) == taken(1000)


def test_the_sampler_may_be_asked_again_for_the_same_examples() -> None:
    import numpy as np

    keys = np.random.default_rng(0).permutation(1000)
    once, again = PanelSampler(50, None, np.zeros(0, np.int64)), PanelSampler(50, None, np.zeros(0, np.int64))
    for part in np.split(keys, 20):
        first = set(part[once.choose(part)].tolist())
        again.choose(part)
        second = {int(k) for half in np.split(part, 2) for k in half[again.choose(half)]}
        assert second <= first
        assert once.smallest.tolist() == again.smallest.tolist()
    assert once.smallest.tolist() == list(range(50))


def test_what_a_single_example_does_not_fit_into_ends_it() -> None:
    def read(batch: Batch) -> int:
        raise OutOfMemoryError("one is too many")

    fitting = Fitting(4, said=False)
    with pytest.raises(lc.CensusError, match="one is too many"):
        list(fitting.read(Batch(torch.arange(4), tuple("abcd")), read))
    assert fitting.size == 1


def test_halving_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    def read(batch: Batch) -> int:
        if len(batch.ids) > 3:
            raise OutOfMemoryError("too many")
        return len(batch.ids)

    batch = Batch(torch.arange(10), tuple("abcdefghij"))
    fitting = Fitting(10)
    parts = list(fitting.read(batch, read))
    assert [size for _, size in parts] == [2, 2, 1, 2, 2, 1]
    assert "".join(id for part, _ in parts for id in part.ids) == "abcdefghij"
    assert fitting.size == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "10 examples at once do not fit in memory: going on with 5",
        "5 examples at once do not fit in memory: going on with 2",
    ]
