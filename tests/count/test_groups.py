"""Groups from the data to the report: stored, merged, said, and refused where they differ."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.count.store import COUNTING, Store

R = np.random.default_rng(0)
WHICH = R.integers(0, 10, 300)
X = (2 * R.standard_normal((10, 12))[WHICH] + R.standard_normal((300, 12))).astype(np.float32)
NET = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))


def take(**more: Any) -> lc.Census:
    settings = lc.Settings(progress=False, pictures=0, resamples=40, **more.pop("also", {}))
    return lc.take(NET, X, twin=False, settings=settings, **more)


def test_a_census_says_how_many_groups_stand_behind_it(tmp_path: Path) -> None:
    census = take(groups=WHICH)
    about = census.about
    size = sorted(np.bincount(WHICH).tolist())
    assert about["groups"] == {"groups": 10, "halves": [5, 5], "examples": [size[0], size[4], size[-1]]}
    assert about["data"]["groups"] == "given beside the data"
    said = [f.sentence for f in census.findings]
    assert any(s.startswith("Only 10 groups of examples stand behind the tests between units, 5 and 5") for s in said)
    assert "of 10 groups, 5 and 5 in its halves" in census.report(tmp_path).read_text("utf-8")
    assert lc.load(_saved(census, tmp_path / "saved")).about["groups"] == about["groups"]


def _saved(census: lc.Census, folder: Path) -> Path:
    census.save(folder)
    return folder


def test_examples_alone_have_no_groups() -> None:
    each = take(groups=list(range(300)))
    assert "groups" not in each.about
    plain = take()
    assert each.layers.drop(columns="status").equals(plain.layers.drop(columns="status"))


def test_the_store_keeps_them_and_shards_merge_to_the_whole(tmp_path: Path) -> None:
    whole = take(groups=WHICH)
    for number in (1, 2):
        take(groups=WHICH, also={"shard": (number, 2), "out": tmp_path / str(number)})
    store = Store.open(tmp_path / "1" / COUNTING)
    groups = store.groups(300)
    assert len(groups.unique()) == 10
    assert len(groups) == len(store.panel_keys()) < 300
    merged = lc.merge([tmp_path / "1", tmp_path / "2"], progress=False)
    assert merged.about["groups"] == whole.about["groups"]
    assert merged.layers.equals(whole.layers)


def test_another_grouping_is_another_count(tmp_path: Path) -> None:
    take(groups=WHICH, also={"shard": (1, 2), "out": tmp_path})
    with pytest.raises(lc.CensusError, match="holds another count"):
        take(groups=WHICH // 2, also={"shard": (1, 2), "out": tmp_path, "resume": True})


def seen(x: np.ndarray[Any, Any] | torch.Tensor) -> int | None:
    """The sources that a finding speaks of where no groups are given."""
    net, settings = nn.Sequential(nn.Identity(), nn.Linear(x.shape[1], 3)), lc.Settings(progress=False, pictures=0)
    census = lc.take(net, x, layers=["0"], twin=False, settings=settings)
    found = [f for f in census.findings if "clusters of near copies" in f.sentence]
    assert all("Pass groups=..., one per example" in f.sentence for f in found)
    return int(found[0].evidence["sources"]) if found else None


def test_crops_and_near_duplicates_without_groups_get_a_finding() -> None:
    r = np.random.default_rng(1)
    crops = 0.9**0.5 * r.standard_normal((10, 30))[WHICH] + 0.1**0.5 * r.standard_normal((300, 30))
    assert 9 <= (seen(crops.astype(np.float32)) or 0) <= 13
    z = r.standard_normal((250, 3))
    twice = np.concatenate([z, z + 0.001 * r.standard_normal((250, 3))]) @ r.standard_normal((3, 12))
    assert 245 <= (seen(np.tanh(twice).astype(np.float32)) or 0) <= 290


def test_ordinary_examples_get_none() -> None:
    r = np.random.default_rng(2)
    for x in (
        r.standard_normal((300, 2)), r.standard_normal((300, 40)), np.exp(r.standard_normal((300, 9))),
        r.standard_normal((300, 9)).cumsum(0), r.standard_normal((300, 3)) @ r.standard_normal((3, 20)),
        (r.standard_normal((300, 12)) > 0).astype(float), np.maximum(r.standard_normal((300, 9)) - 1, 0),
    ):  # fmt: skip
        assert seen(x.astype(np.float32)) is None
