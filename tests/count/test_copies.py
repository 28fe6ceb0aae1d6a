"""Copies of an example are no further evidence: the census of data with copies is that of the data without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

import layercensus as lc
from layercensus.count.shards import join
from layercensus.count.store import Store
from layercensus.data.batch import Batch
from layercensus.data.content import contents
from layercensus.data.keys import key
from layercensus.data.seen import RECENT, Seen

X = torch.randn(120, 8, generator=torch.Generator().manual_seed(0))
Y = torch.arange(120) % 3
NET = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)).double()


def settings(**more: Any) -> lc.Settings:
    """Without what the net needs: of a stream's shards the first is asked, on the examples that it holds."""
    plain = {"progress": False, "resamples": 20, "twins": 1, "memory_format": "contiguous", "needed": False}
    return lc.Settings(**(plain | more))


def take(data: Any, net: nn.Module = NET, **more: Any) -> lc.Census:
    return lc.take(net, data, twin=False, settings=settings(**more))


def same(one: lc.Census, two: lc.Census, copies: int, read: int) -> None:
    for name in ("layers", "units"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), rtol=1e-6, atol=1e-6)
    assert (one.about["examples"], one.about["ids"]) == (two.about["examples"], two.about["ids"])
    assert (one.about["copies"]["copies"], one.about["copies"]["read"]) == (copies, read)
    said = f"{copies:,} of {read:,} examples were copies of others and counted once."
    assert said in [finding.sentence for finding in one.findings]


class Rows(Dataset[Any]):
    """Read one by one, so that nothing is known before."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, row: int) -> Any:
        return self.x[row], self.y[row]


TWICE = torch.cat([X, X[:50], X[:30]]), torch.cat([Y, Y[:50], Y[:30]])


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize("form", ["pair", "batches", "stream"])
def test_copies_count_once(form: str, size: int) -> None:
    x, y = TWICE
    data = {"pair": (x, y), "batches": [(x[:90], y[:90]), (x[90:], y[90:])]}
    data["stream"] = iter(data["batches"])
    plain = take(iter([(X, Y)]) if form == "stream" else (X, Y))
    same(take(data[form], batch=size), plain, 80, 200)
    assert "copies" not in plain.about


@pytest.mark.parametrize("copies", [0, 80])
def test_the_panel_is_chosen_before_reading_and_filled_where_copies_leave_gaps(copies: int) -> None:
    """Of ids that are known, only those of the panel are perturbed, and few beside; a stream would perturb 80 to 90."""
    x, y, perturbed = TWICE[0][: 120 + copies], TWICE[1][: 120 + copies], set()

    def views(example: Tensor, random: Any) -> Tensor:
        perturbed.add(float(example[0]))
        return example + torch.from_numpy(random.normal(0, 0.1, example.shape))

    census = lc.take(NET, Rows(x, y), twin=False, views=views, settings=settings(panel=32, batch=7))
    wanted = sorted(range(120), key=lambda row: key(str(row)))[:32]
    assert census.about["panel"] == 32
    assert census.about["examples"] == 120
    found = {float(X[row].double()[0]) for row in wanted}
    assert found <= perturbed
    assert len(perturbed) <= 32 + 1 + copies // 2
    plain = lc.take(NET, (X, Y), twin=False, views=views, settings=settings(panel=32, batch=7))
    pd.testing.assert_frame_equal(census.units, plain.units, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [1, 64])
def test_copies_that_are_met_while_reading_count_once(size: int) -> None:
    found, plain = take(Rows(*TWICE), batch=size), take(Rows(X, Y), batch=size)
    assert (found.about["ids"], found.about["panel"]) == (plain.about["ids"], 120)  # the scale of its views is another
    assert found.about["copies"] == {"copies": 80, "read": 200, "of_all": False}
    pd.testing.assert_series_equal(found.units["firing_rate"], plain.units["firing_rate"])


def test_the_order_of_copies_with_ids_does_not_matter() -> None:
    ids = [f"{n:03d}" for n in range(200)]
    plain = take({"inputs": X, "labels": Y, "ids": ids[:120]})
    order = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    x, y = TWICE[0][order], TWICE[1][order]
    parts = (slice(70), slice(70, 200))
    shuffled = [{"inputs": x[part], "labels": y[part], "ids": [ids[i] for i in order[part]]} for part in parts]
    same(take(shuffled), plain, 80, 200)


class Stream(IterableDataset[Any]):
    """Every worker gives all of it."""

    def __iter__(self) -> Iterator[Any]:
        yield from zip(X, Y, strict=True)


def test_workers_that_each_read_everything() -> None:
    alone = take(DataLoader(Stream(), batch_size=16))
    same(take(DataLoader(Stream(), batch_size=16, num_workers=2)), alone, 120, 240)


@pytest.mark.parametrize("form", ["pair", "stream", "rows"])
def test_copies_in_shards(form: str, tmp_path: Path) -> None:
    x, y = TWICE
    make = {"pair": lambda: (x, y), "stream": lambda: iter([(x, y)]), "rows": lambda: Rows(x, y)}[form]
    folders = [tmp_path / str(number) for number in (1, 2, 3)]
    for number, out in enumerate(folders, 1):
        take(make(), shard=(number, 3), out=out)
    merged, whole = lc.merge(folders, progress=False), take(make())
    if form != "rows":
        same(merged, whole, 80, 200)
        return
    across = merged.about["copies"]["across_shards"]  # found after each was counted
    assert across + merged.about["copies"].get("copies", 0) == 80
    assert (merged.about["examples"], merged.about["panel"]) == (120 + across, 120)
    assert f"{across:,} examples lie in several shards" in " ".join(f.sentence for f in merged.findings)


def test_copies_that_are_met_while_reading_leave_the_panel_full(tmp_path: Path) -> None:
    x = torch.randn(300, 8, generator=torch.Generator().manual_seed(1)).repeat(10, 1)
    for shard in (None, (1, 2)):
        census = take(Rows(x, torch.zeros(len(x))), panel=100, shard=shard, out=tmp_path / str(shard))
        assert census.about["panel"] == 100, shard


def test_of_copies_in_several_shards_the_smaller_key_counts_whatever_the_order(tmp_path: Path) -> None:
    x, y = torch.cat([X, X]), torch.cat([Y, (Y + 1) % 3])  # copies differ in their label
    folders = [tmp_path / str(number) for number in (1, 2)]
    for number, out in enumerate(folders, 1):
        take(Rows(x, y), shard=(number, 2), out=out)
    done = {int(k) for folder in folders for k in Store.open(folder / "counting").done}
    pairs = [(key(str(row)), key(str(row + 120))) for row in range(120)]
    both = [pair for pair in pairs if done.issuperset(pair)]
    assert len(both) > 20
    for order in ([0, 1], [1, 0]):
        store = Store.start(tmp_path / f"merged {order}", {}, resume=False)
        join(store, [Store.open(folders[n] / "counting") for n in order], [])
        assert sorted(store.copies) == sorted(max(pair) for pair in both)
        assert set(store.content[:, 1].tolist()) == done - set(store.copies.tolist())
    one, two = (lc.merge(order, progress=False) for order in (folders, folders[::-1]))
    assert one.about["panel"] == 120
    pd.testing.assert_frame_equal(one.units, two.units, check_exact=True)
    assert one.findings == two.findings
    assert one.about == two.about


LEFT = [0]  # forward passes until Ctrl-C; no state of the net, which resuming compares


class Stop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = NET

    def forward(self, x: Tensor) -> Tensor:
        LEFT[0] -= 1
        if LEFT[0] == 0:
            raise KeyboardInterrupt
        return self.net(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("form", ["pair", "rows"])
def test_copies_of_what_an_interrupted_count_has_read(form: str, tmp_path: Path) -> None:
    data = TWICE if form == "pair" else Rows(*TWICE)
    LEFT[0] = 20
    with pytest.raises(KeyboardInterrupt):
        take(data, Stop(), out=tmp_path / "out", batch=16)
    LEFT[0] = 0
    resumed = take(data, Stop(), out=tmp_path / "out", resume=True, batch=16)
    same(resumed, take(data, Stop()), 80, 200)


def test_no_panel_holds_an_example_in_both_halves() -> None:
    few = torch.randint(0, 2, (4000, 4), generator=torch.Generator().manual_seed(0)).float().repeat(1, 2)
    census = take(few)
    assert (census.about["examples"], census.about["panel"]) == (16, 16)  # 2^4 patterns


def test_padding_is_no_content() -> None:
    def batch(width: int) -> Batch:
        ids = torch.zeros(2, width, dtype=torch.int64)
        ids[:, :3] = torch.tensor([[5, 6, 7], [5, 6, 0]])
        mask = torch.zeros(2, width, dtype=torch.bool)
        mask[0, :3] = mask[1, :2] = True
        return Batch({"input_ids": ids}, ("0", "1"), mask=mask)

    assert contents(batch(3)) == contents(batch(9))
    assert len(set(contents(batch(4)))) == 2


def test_every_part_of_the_inputs_is_content() -> None:
    z = torch.zeros(2, 3)
    one = contents(Batch((z, z), ("0", "1")))
    assert one[0] == one[1]
    assert one != contents(Batch((z, z + 1), ("0", "1")))
    assert contents(Batch(z.bfloat16(), ("0", "1"))) != one


def test_what_was_seen_stays_seen_when_the_table_grows() -> None:
    seen = Seen()
    for content in range(RECENT + 10):
        assert seen.owner(content * 7919, content) == content
    assert [seen.owner(content * 7919, -5) for content in (0, 1, RECENT, RECENT + 9)] == [0, 1, RECENT, RECENT + 9]
    assert seen.table().shape == (RECENT + 10, 2)
    later = Seen()
    later.add(seen.table())
    assert later.owner(7919, -5) == 1
