"""The same census for any batch size, order, sharding or interruption.

The net runs in float64. In float32 its own rounding depends on the batch size and the processor: it swaps examples of
nearly equal strength in `top`, and the inverse behind `r2_rest` amplifies it. The census reads float32 either way; one
test counts the net in float32.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import layercensus as lc
from layercensus.count.read_batch import read_batch
from layercensus.data.digits import Digits
from layercensus.models.digits import factory
from layercensus.models.twin import calibrate

N = 300


@pytest.fixture(scope="module")
def net() -> nn.Module:
    net = factory(3).double()
    calibrate(net, [Digits().inputs[:N].double()])
    return net


@pytest.fixture(scope="module")
def data() -> tuple[Tensor, Tensor]:
    digits = Digits()
    return digits.inputs[:N].double(), digits.labels[:N]


QUICK = {
    "twins": 1,
    "dimension": False,
    "needed": False,
    "other_views": False,
}  # where only the way of counting is tested


def settings(**more: object) -> lc.Settings:
    return lc.Settings(
        **(
            {
                "progress": False,
                "twins": 4,
                "panel": 256,
                "resamples": 50,
                "memory_format": "contiguous",
                "dimension": True,
                "other_views": False,
            }
            | more
        )
    )


@pytest.fixture(scope="module")
def whole(net: nn.Module, data: tuple[Tensor, Tensor]) -> lc.Census:
    return lc.take(net, data[0], labels=data[1], settings=settings())


def assert_same(one: lc.Census, two: lc.Census) -> None:
    for name in ("layers", "units", "twin_units"):
        a, b = getattr(one, name), getattr(two, name)
        counts = [c for c in a if a[c].dtype == "Int64" or a[c].dtype == "string" or c == "top"]
        pd.testing.assert_frame_equal(a[counts], b[counts])
        pd.testing.assert_frame_equal(a, b, rtol=1e-6, atol=1e-6)
    assert one.about["ids"] == two.about["ids"]
    assert str(one.verdict) == str(two.verdict)


@pytest.mark.parametrize("size", [7])  # one at a time: in float32 below, and in tests/count/test_one_by_one.py
def test_batch_size(net: nn.Module, data: tuple[Tensor, Tensor], whole: lc.Census, size: int) -> None:
    assert_same(lc.take(net, data[0], labels=data[1], settings=settings(batch=size)), whole)


FLOAT32 = 288 * torch.finfo(torch.float32).eps  # 3.4e-5: a convolution here sums 288 products
STEPS = {  # of columns that move in steps, by how their names end
    ("twonn", "twonn_low", "twonn_high", "twonn_pooled", "mle", "gride"): 0.01,
    ("firing_rate", "firing_rate_upper"): 1 / N,
    ("_p",): 1 / 4000,
    ("_low", "_high"): 1.0,
}


def test_batch_size_moves_a_float32_net_by_its_rounding_alone(data: tuple[Tensor, Tensor]) -> None:
    net, x = factory(3), data[0].float()
    net.pool = nn.AvgPool2d(
        2
    )  # where two positions hold a maximum but for rounding, its derivative is at one or the other
    calibrate(net, [x])
    one, whole = (lc.take(net, x, labels=data[1], settings=settings(batch=size, twins=1)) for size in (1, N))
    for name in ("layers", "units", "twin_units"):
        a, b = (getattr(census, name).drop(columns="top", errors="ignore") for census in (one, whole))
        real = [c for c in b if b[c].dtype == "Float64"]
        pd.testing.assert_frame_equal(a.drop(columns=real), b.drop(columns=real))
        for c in real:
            step = next((step for ends, step in STEPS.items() if c.endswith(ends)), 0)
            pd.testing.assert_series_equal(a[c], b[c], rtol=FLOAT32, atol=FLOAT32 + step, obj=f"{name} {c}")
    assert str(one.verdict) == str(whole.verdict)


def test_shuffled_loader(net: nn.Module, data: tuple[Tensor, Tensor], whole: lc.Census) -> None:
    loader = DataLoader(TensorDataset(*data), batch_size=25, shuffle=True, generator=torch.Generator().manual_seed(1))
    assert_same(lc.take(net, loader, settings=settings()), whole)


def test_checkpoints_after_every_batch(
    net: nn.Module, data: tuple[Tensor, Tensor], whole: lc.Census, tmp_path: Path
) -> None:
    census = lc.take(net, data[0], labels=data[1], settings=settings(out=tmp_path / "out", checkpoint=0.0))
    assert_same(census, whole)
    assert not (tmp_path / "out" / "counting").exists()


def test_another_seed_gives_another_twin_but_the_same_live_units(
    net: nn.Module, data: tuple[Tensor, Tensor], whole: lc.Census
) -> None:
    other = lc.take(net, data[0], labels=data[1], seed=1, settings=settings())
    assert other.about["weights"]["twin"] != whole.about["weights"]["twin"]
    assert other.layers["live"].tolist() == whole.layers["live"].tolist()


def test_saving_and_loading_loses_nothing(whole: lc.Census, tmp_path: Path) -> None:
    again = lc.load(whole.save(tmp_path / "saved"))
    for name in ("layers", "units", "twin_units", "runs"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(whole, name))
    assert again.about == whole.about
    assert again.findings == whole.findings
    assert set(again.arrays) == set(whole.arrays)
    assert all(np.array_equal(again.arrays[k], v, equal_nan=v.dtype.kind == "f") for k, v in whole.arrays.items())
    assert str(again.verdict) == str(whole.verdict)
    assert (
        again.save(tmp_path / "twice").joinpath("layers.csv").read_bytes()
        == (tmp_path / "saved/layers.csv").read_bytes()
    )


LEFT = {"calls": -1}  # not in the net: what it holds beside its weights is part of which net it is


class Stop(nn.Module):
    """Ctrl-C in the middle of a forward pass."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        LEFT["calls"] -= 1
        if LEFT["calls"] == 0:
            raise KeyboardInterrupt
        return self.net(x)


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Has the second pass of the batch of this number stopped; -1: none."""

    def at(number: int) -> None:
        batches = itertools.count()

        def read(*args: Any) -> Any:
            LEFT["calls"] = 2 if next(batches) == number else -1
            return read_batch(*args)

        monkeypatch.setattr("layercensus.count.count.read_batch", read)

    return at


def test_interrupted_and_resumed_equals_uninterrupted(
    net: nn.Module, data: tuple[Tensor, Tensor], tmp_path: Path, stop: Callable[[int], None]
) -> None:
    def take(**more: object) -> lc.Census:
        return lc.take(Stop(net), data[0], labels=data[1], settings=settings(**QUICK, **more))

    straight = take()
    stop(2)
    with pytest.raises(KeyboardInterrupt):
        take(out=tmp_path / "out")
    stop(-1)
    assert (tmp_path / "out/counting/streams.safetensors").exists()
    with pytest.raises(lc.CensusError, match="unfinished count"):
        take(out=tmp_path / "out")
    assert_same(take(out=tmp_path / "out", resume=True), straight)


def test_resuming_another_count_is_refused(
    net: nn.Module, data: tuple[Tensor, Tensor], tmp_path: Path, stop: Callable[[int], None]
) -> None:
    stop(2)
    with pytest.raises(KeyboardInterrupt):
        lc.take(Stop(net), data[0], settings=settings(out=tmp_path / "out", **QUICK))
    stop(-1)
    with pytest.raises(lc.CensusError, match=r"holds another count: tau 0\.9, not 0\.8\. Pass another out"):
        lc.take(Stop(net), data[0], settings=settings(out=tmp_path / "out", resume=True, tau=0.8, **QUICK))


def shards(net: nn.Module, data: object, folder: Path, count: int, **more: object) -> list[Path]:
    folders = [folder / f"shard{number}" for number in range(1, count + 1)]
    for number, out in enumerate(folders, 1):
        lc.take(net, data, settings=settings(out=out, shard=(number, count), **QUICK), **more)
    return folders


def test_four_shards_merged_equal_the_whole(
    net: nn.Module, data: tuple[Tensor, Tensor], whole: lc.Census, tmp_path: Path
) -> None:
    folders = [tmp_path / f"shard{number}" for number in range(1, 5)]
    for number, out in enumerate(folders, 1):
        lc.take(net, data[0], labels=data[1], settings=settings(out=out, shard=(number, 4)))
    census = lc.merge(folders[::-1], out=tmp_path / "merged", progress=False)
    assert_same(census, whole)
    assert_same(lc.load(tmp_path / "merged"), whole)
    assert census.about["settings"] == whole.about["settings"]
    assert sum(lc.load(folder).about["examples"] for folder in folders) == N


def test_shards_of_a_stream_merge(
    net: nn.Module, data: tuple[Tensor, Tensor], whole: lc.Census, tmp_path: Path
) -> None:
    batches = [{"inputs": x, "labels": y} for x, y in zip(data[0].split(30), data[1].split(30), strict=True)]
    folders = [tmp_path / "1", tmp_path / "2"]
    for number, out in enumerate(folders, 1):
        lc.take(net, iter(batches), twin=False, settings=settings(out=out, shard=(number, 2), **QUICK))
    alone = lc.take(net, iter(batches), twin=False, settings=settings(**QUICK))
    assert_same(lc.merge(folders, progress=False), alone)


def test_shards_that_do_not_belong_together_are_refused(
    net: nn.Module, data: tuple[Tensor, Tensor], tmp_path: Path
) -> None:
    one, two = shards(net, data[0], tmp_path, 2)
    with pytest.raises(lc.CensusError, match=r"each of the 2 shards once\. Got 1/2\."):
        lc.merge([one], progress=False)
    with pytest.raises(lc.CensusError, match=r"each of the 2 shards once\. Got 1/2, 1/2\."):
        lc.merge([one, one], progress=False)
    other = lc.take(net, data[0], seed=1, settings=settings(out=tmp_path / "other", shard=(2, 2), **QUICK))
    assert any("shard 2 of 2" in finding.sentence for finding in other.findings)
    with pytest.raises(lc.CensusError, match=r"same count as .*\. Got another: seed 1, not 0"):
        lc.merge([one, tmp_path / "other"], progress=False)
    with pytest.raises(lc.CensusError, match="must hold a counted shard"):
        lc.merge([one, tmp_path], progress=False)
    (two / "counting" / "streams.safetensors").write_bytes(b"cut short")
    with pytest.raises(lc.CensusError, match="is damaged"):
        lc.merge([one, two], progress=False)


def test_merging_into_a_share_or_counting_over_one_loses_nothing(
    net: nn.Module, data: tuple[Tensor, Tensor], tmp_path: Path
) -> None:
    one, two = shards(net, data[0], tmp_path, 2)
    with pytest.raises(lc.CensusError, match="must be another folder"):
        lc.merge([one, two], out=one, progress=False)
    with pytest.raises(lc.CensusError, match="holds a counted shard"):
        lc.take(net, data[0], settings=settings(out=one, shard=(2, 2), **QUICK))
    with pytest.raises(lc.CensusError, match=r"another count: shard \[1, 2\], not \[2, 2\]"):
        lc.take(net, data[0], settings=settings(out=one, shard=(2, 2), resume=True, **QUICK))
    assert lc.merge([one, two], progress=False).about["examples"] == N


def test_shards_without_an_example_of_the_panel_merge(net: nn.Module, tmp_path: Path) -> None:
    x = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    small = {"panel": 8, "twins": 1, "needed": False, "other_views": False}
    folders = [tmp_path / str(number) for number in range(1, 8)]
    for number, out in enumerate(folders, 1):
        lc.take(net, x, twin=False, settings=settings(out=out, shard=(number, 7), **small))
    merged = lc.merge(folders, progress=False)
    assert_same(merged, lc.take(net, x, twin=False, settings=settings(**small)))


def test_shards_from_machines_that_round_differently_merge(
    net: nn.Module, data: tuple[Tensor, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from layercensus.count import plan

    one = tmp_path / "one"
    lc.take(net, data[0], settings=settings(out=one, shard=(1, 2), **QUICK))
    plain = plan.calibrate

    def another_machine(net: nn.Module, batches: object) -> int:
        layers = plain(net, batches)
        with torch.no_grad():
            next(b for name, b in net.named_buffers() if name.endswith("running_var")).mul_(1 + 1e-7)
        return layers

    monkeypatch.setattr(plan, "calibrate", another_machine)
    two = tmp_path / "two"
    lc.take(net, data[0], settings=settings(out=two, shard=(2, 2), **QUICK))
    assert lc.merge([one, two], progress=False).about["examples"] == N
