"""What the answers rest on can be looked at: the arrays are the net's own, and examples at the ends have their ids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.testing.read_directions import Planted, inputs
from tests.intervene.planted import SMALL


class Power(nn.Module):
    """A power of one number, and twice the other."""

    def __init__(self, power: int) -> None:
        super().__init__()
        self.power = power

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x[:, 0] ** self.power, 2 * x[:, 1]], 1)


NET = Planted("dense", 24, 3, seed=2)
X = inputs("dense", 24, 240, seed=2)
NAMES = [f"pic-{n:03d}" for n in range(len(X))]
DATA = [{"inputs": X[some], "ids": [NAMES[n] for n in some]} for some in torch.arange(len(X)).split(50)]


def count(data: object = None, **settings: object) -> lc.Census:
    given = lc.Settings(**(SMALL | {"panel": 200} | settings))  # type: ignore[arg-type]
    return lc.take(NET, DATA if data is None else data, twin=False, layers="act", settings=given)


@pytest.fixture(scope="module")
def census() -> lc.Census:
    return count()


def rows() -> np.ndarray:
    return NET.act(NET.inside(X)).detach().numpy()


def test_the_directions_span_what_the_head_reads_and_carry_all_of_it(census: lc.Census) -> None:
    found = census.directions("act")
    assert found.reader.shape == found.writer.shape == (24, 3)
    assert found.by_gradient
    assert found.carries.sum() == pytest.approx(1, abs=0.01)
    assert np.all(np.diff(found.carries) <= 0)
    head = NET.head.weight.detach().double().numpy()
    kept = found.writer.astype(np.float64) @ found.reader.T.astype(np.float64)  # a row's change is projected by it
    np.testing.assert_allclose(head @ kept, head, atol=0.02 * np.abs(head).max())


def test_scores_of_ones_own_rows_rank_the_examples(census: lc.Census) -> None:
    found = census.directions("act")
    scores = (rows() - found.mean) @ found.reader
    panel = sorted(range(len(X)), key=lambda n: _key(NAMES[n]))[:200]
    for number in range(3):
        falling = sorted(panel, key=lambda n: -scores[n, number])
        assert list(found.top[number]) == [NAMES[n] for n in falling[:9]]
        assert list(found.bottom[number]) == [NAMES[n] for n in falling[:-10:-1]]
        own = scores[panel, number]
        assert ((own - own.mean()) ** 3).mean() > 0  # the longer tail is above


def _key(id: str) -> int:
    from layercensus.data.keys import key

    return key(id)


def test_the_fidelity_curve_is_that_of_the_intervention(census: lc.Census) -> None:
    curve = census.needed("act")
    assert curve.columns.tolist() == ["directions", "fidelity", "low", "high", "first_order"]
    assert (curve["low"] <= curve["fidelity"]).all()
    assert (curve["fidelity"] <= curve["high"]).all()
    found, x = census.directions("act"), torch.from_numpy(rows())
    plain = NET.head(x).detach()
    for kept, fidelity in zip(curve["directions"], curve["fidelity"], strict=True):
        if kept <= 3:
            own = (x - torch.from_numpy(found.mean)) @ torch.from_numpy(found.reader[:, :kept])
            other = NET.head(torch.from_numpy(found.mean) + own @ torch.from_numpy(found.writer[:, :kept]).T).detach()
            mine = 1 - (other - plain).square().sum() / (plain - plain.mean(0)).square().sum()
            assert fidelity == pytest.approx(float(mine), abs=0.1)  # of all examples, not of the held-out ones


def test_to_first_order_a_linear_net_is_as_measured_and_one_that_bends_is_not(census: lc.Census) -> None:
    found, curve = census.directions("act"), census.needed("act")
    for kept, together in zip(curve["directions"], curve["first_order"], strict=True):
        assert together == pytest.approx(found.carries[:kept].sum(), abs=1e-6)
    # E[(d x^p / dx)^2] = 1 and 27, variances 1 and 15; 4 and 4 of the other answer, twice its number
    for power, by_gradient, measured in ((1, 4 / 5, 4 / 5), (3, 27 / 31, 15 / 19)):
        at_one = of_two_numbers(power).needed("1").set_index("directions").loc[1]
        assert at_one["first_order"] == pytest.approx(by_gradient, abs=0.04)
        assert at_one["fidelity"] == pytest.approx(measured, abs=0.04)


def of_two_numbers(power: int) -> lc.Census:
    """Of a net that answers a power of one number and twice the other."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Identity(), Power(power))
    net[0].load_state_dict({"weight": torch.eye(2), "bias": torch.zeros(2)})
    x = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    settings = lc.Settings(**(SMALL | {"calibration": 1500, "held_out": 1500, "panel": 4000}))  # type: ignore[arg-type]
    return lc.take(net, x, twin=False, layers="1", settings=settings)


def test_saved_loaded_resumed_and_of_shards(census: lc.Census, tmp_path: Path) -> None:
    for other in (lc.load(census.save(tmp_path / "whole")), _of_shards(tmp_path)):
        one, two = census.directions("act"), other.directions("act")
        np.testing.assert_allclose(one.reader, two.reader, atol=1e-5)
        assert (one.top, one.bottom) == (two.top, two.bottom)
        assert other.needed("act")["directions"].tolist() == census.needed("act")["directions"].tolist()


class Once(torch.utils.data.Dataset[Tensor]):
    """The same examples, of which one cannot be read when it is counted, in order, after the looks at a few of them."""

    def __init__(self) -> None:
        self.before, self.stopped = -1, False

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Tensor:
        in_order, self.before = self.before == index - 1, index
        if index == 200 and in_order and not self.stopped:
            self.stopped = True
            raise KeyboardInterrupt
        return X[index]


def test_what_was_named_before_an_interruption_has_its_name_after_it(tmp_path: Path) -> None:
    settings = {"out": str(tmp_path), "checkpoint": 0, "batch": 40}
    data = Once()
    with pytest.raises(KeyboardInterrupt):
        count(data, **settings)
    assert list(tmp_path.rglob("panel-*")), "nothing was counted before"
    resumed = count(data, **settings, resume=True).directions("act")
    whole = count(data, batch=40).directions("act")
    assert (resumed.top, resumed.bottom) == (whole.top, whole.bottom)
    assert all(len(ids) == 9 for ids in resumed.top)


def _of_shards(folder: Path) -> lc.Census:
    folders = [folder / f"shard{n}" for n in (1, 2)]
    for number, out in enumerate(folders, 1):
        count(out=str(out), shard=(number, 2))
    return lc.merge(folders)


def test_a_census_of_before_loads_and_has_no_ids(census: lc.Census) -> None:
    needs = {name: value for name, value in census.provenance.needs.items() if name != "ids"}
    new = ("direction_top", "direction_bottom", "needed_interval", "direction_by_gradient")
    arrays = {key: value for key, value in census.arrays.items() if key.name not in new}
    old = replace(census, provenance=replace(census.provenance, needs=needs), arrays=arrays)
    assert old.directions("act").top == ()
    assert old.needed("act")["low"].isna().all()


def test_only_ids_that_occur_are_kept(census: lc.Census) -> None:
    found = census.directions("act")
    ids = {id for ends in (found.top, found.bottom) for row in ends for id in row}
    assert set(census.provenance.needs["ids"].values()) == ids


@pytest.mark.parametrize(
    ("layer", "net", "said"),
    [
        ("akt", "trained", "layer must be one of census.layers['layer']. Got 'akt'. Did you mean 'act'?"),
        ("act", "twin", "net must be 'trained'. Got 'twin'."),
    ],
)
def test_what_is_not_there_is_said(census: lc.Census, layer: str, net: str, said: str) -> None:
    for method in (census.needed, census.directions):
        with pytest.raises(lc.CensusError) as error:
            method(layer, net)
        assert str(error.value) == said


def test_a_layer_that_was_not_asked_says_what_to_do() -> None:
    with pytest.raises(lc.CensusError, match='It was not: count with needed="all"'):
        count(needed=False).directions("act")


class Map(nn.Module):
    """A map of four units, the third of which is the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x)[:, 2].mean((1, 2))[:, None]


def test_examples_of_maps_are_ranked_by_all_their_positions() -> None:
    x = torch.randn(80, 4, 9, 9, generator=torch.Generator().manual_seed(3))
    given = lc.Settings(**SMALL, panel=80)  # type: ignore[arg-type]
    found = lc.take(Map(), x, twin=False, layers="act", settings=given).directions("act")
    order = x[:, 2].mean((1, 2)).argsort().tolist()
    ends = {found.top[0], found.bottom[0]}
    assert ends == {tuple(map(str, order[:9])), tuple(map(str, order[:-10:-1]))}
