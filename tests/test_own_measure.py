"""A user's own measure, from a script outside the package: in tables, files, diff and pages without a change here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import layercensus as lc

SCRIPT = """
import torch, layercensus as lc
from torch import nn

def compute(evidence):
    x = evidence.panel.mean.double()
    if len(x) < 16:
        return lc.Outcome()
    peaky = (evidence.panel.peak.double() - x).mean(0)
    layer = {"peaky": int((peaky > .1).sum()), "peaky_mean": float(peaky.mean()), "mean_low": float(peaky.min())}
    return lc.Outcome(layer=layer, units={"peakiness": peaky})

mine = lc.Measure(
    "peaky", compute,
    layer_columns={
        "peaky": lc.Column("units whose maximum is above their mean", "units", 0, kind="count", scale_free=False),
        "peaky_mean": lc.Column("mean distance of maximum and mean", scale_free=False),
        "mean_low": lc.Column("least distance of maximum and mean: a name like an interval's", scale_free=False),
    },
    unit_columns={"peakiness": lc.Column("mean distance of maximum and mean", scale_free=False)},
)
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3))
settings = lc.Settings(progress=False, resamples=20, pictures=0, other_views=False, needed=False, twins=1)
for name, data in (("a", torch.rand(60, 1, 8, 8)), ("b", torch.rand(60, 1, 8, 8) * 3)):
    census = lc.take(net, data, measures=(*lc.MEASURES, mine), settings=settings)
    census.save(name)
    census.report(f"{name}/report")
"""


def test_a_column_of_one_s_own_goes_everywhere(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT)
    subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, check=True)
    load = (  # in a process that has never heard of the measure
        "import layercensus as lc; from layercensus.verdict.diff import differences\n"
        "a, b = lc.load('a'), lc.load('b')\n"
        "print(a.layers['peaky'].dtype, a.layers['twin_peaky'].notna().all(), a.units['peakiness'].notna().all())\n"
        "print(sorted(set(differences(a, b).layers['measure']) & {'peaky', 'peaky_mean'}))\n"
        "a.report('again')"
    )
    shown = subprocess.run([sys.executable, "-c", load], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert shown.stdout.split("\n")[0] == "Int64 True True"
    assert "peaky_mean" in shown.stdout
    index, layer = (tmp_path / "again" / name for name in ("index.html", "layers/layer-000.html"))
    assert "units whose maximum is above their mean" in index.read_text("utf-8")
    assert "peakiness" in layer.read_text("utf-8")
    assert '<th scope="row" class="t">mean low</th>' in layer.read_text("utf-8")
    assert "peaky / width" in (tmp_path / "again/pictures/depth.csv").read_text("utf-8")
    assert index.read_bytes() == (tmp_path / "a/report/index.html").read_bytes()


KINDS = """
import torch, layercensus as lc
from torch import nn

def compute(evidence):
    mean = float(evidence.panel.mean.mean())
    layer = {
        "a_count": 3, "a_number": mean, "a_fraction": 0.5, "a_dimension": 2.5, "a_truth": mean > 0.5,
        "a_choice": int(mean > 0.5), "a_text": f"about {mean:.1f}", "an_index": 2, "mean_low": mean - 1,
    }
    units = {
        "u_truth": evidence.panel.mean.mean(0) > 0.5, "u_choice": (evidence.panel.mean.mean(0) > 0.5).long(),
        "u_index": torch.arange(evidence.width),
    }
    return lc.Outcome(layer=layer, units=units)

C = lc.Column
mine = lc.Measure(
    "kinds", compute,
    layer_columns={
        "a_count": C("a count", kind="count"), "a_number": C("a number"),
        "a_fraction": C("a fraction", kind="fraction"),
        "a_dimension": C("a dimension", kind="dimension"), "a_truth": C("a boolean", kind="truth"),
        "a_choice": C("a choice", kind="choice", choices=("low", "high")), "a_text": C("words", kind="text"),
        "an_index": C("a unit", kind="index"), "mean_low": C("a number that ends like an interval"),
    },
    unit_columns={
        "u_truth": C("a boolean", kind="truth"), "u_choice": C("a choice", kind="choice", choices=("low", "high")),
        "u_index": C("a unit", kind="index"),
    },
)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
settings = lc.Settings(progress=False, resamples=20, pictures=0, other_views=False, needed=False, twins=1)
for name, data in (("a", torch.rand(60, 4)), ("b", torch.rand(60, 4) * 9)):
    census = lc.take(net, data, measures=(*lc.MEASURES, mine), settings=settings)
    census.save(name)
    census.report(f"{name}/report")
print(census.layers[["a_truth", "a_choice", "a_text"]].values.tolist(), census.units["u_choice"].tolist()[:2])
from layercensus.verdict.diff import differences
print(sorted({m for m in differences(lc.load("a"), lc.load("b")).layers["measure"] if m.startswith("a_")}))
"""


def test_columns_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "kinds.py").write_text(KINDS)
    shown = subprocess.run([sys.executable, "kinds.py"], cwd=tmp_path, check=True, capture_output=True, text=True)
    first, second = shown.stdout.strip().split("\n")
    assert "'high'" in first
    assert "'about " in first
    assert {"a_choice", "a_number", "a_text", "a_truth"} <= set(second.strip("[]").replace("'", "").split(", "))
    drawn = (tmp_path / "b/report/pictures/depth.csv").read_text("utf-8")
    assert "a_number" in drawn
    assert "a_text" not in drawn


def measure(name: str = "mine", **more: Any) -> lc.Measure:
    return lc.Measure(name, lambda e: lc.Outcome(layer=dict.fromkeys(more.get("layer_columns", ()), 1)), **more)


ANSWERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "must return an Outcome. Got NoneType": (lambda e: None, {}),
    "must give 'u' as a tensor. Got list": (lambda e: lc.Outcome(units={"u": [1.0] * e.width}), {"unit_columns": "u"}),
    "must give a number as 'n'. Got 'many'": (lambda e: lc.Outcome(layer={"n": "many"}), {"layer_columns": "n"}),
    r"must give 'u' for each of \d+ units\. Got the shape \(\d+, 2\)": (
        lambda e: lc.Outcome(units={"u": torch.zeros(e.width, 2)}), {"unit_columns": "u"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("says", ANSWERS)
def test_what_a_measure_may_not_answer(says: str) -> None:
    compute, columns = ANSWERS[says]
    mine = lc.Measure("mine", compute, **{table: {name: lc.Column("a number")} for table, name in columns.items()})
    with pytest.raises(lc.CensusError, match=f"The measure 'mine' {says}"):
        lc.take(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), torch.rand(20, 4),
                measures=(*lc.MEASURES, mine), settings=lc.Settings(progress=False))  # fmt: skip


REFUSED = {
    r"measures must hold those of the package.*Got none of live, ": lambda: [measure()],
    r"measures must be a sequence of layercensus.Measure. Got Measure": lambda: lc.MEASURES[0],
    r"measures must be a sequence of layercensus.Measure. Got str": lambda: [*lc.MEASURES, "distinct"],
    r"Measures must have names of their own. Got 'mine' twice": lambda: [*lc.MEASURES, measure(), measure()],
    r"A column must be declared once. Got 'distinct' again": lambda: [
        *lc.MEASURES, measure(layer_columns={"distinct": lc.Column("mine")})
    ],
    r"A column must not be called net, top or twin_.* Got 'net'|A column must not be called .*Got 'net'": lambda: [
        *lc.MEASURES, measure(layer_columns={"net": lc.Column("mine")})
    ],
    r"A column must not be called .*Got 'twin_distinct'": lambda: [
        *lc.MEASURES, measure(layer_columns={"twin_distinct": lc.Column("mine")})
    ],
}  # fmt: skip


@pytest.mark.parametrize("says", REFUSED)
def test_measures_that_no_table_could_hold_are_refused_before_anything_is_read(says: str) -> None:
    with pytest.raises(lc.CensusError, match=says):
        lc.take("no_such_model:x", "no_such_data:x", measures=REFUSED[says]())


WRONG = {
    r"must give 'u' for each of 8 units. Got the shape .3,.": (
        lc.Outcome(units={"u": torch.zeros(3)}), {"unit_columns": {"u": lc.Column("u")}},
    ),
    r"must give an integer as 'n'. Got 9.5": (
        lc.Outcome(layer={"n": 9.5}), {"layer_columns": {"n": lc.Column("n", kind="count")}},
    ),
    r"must name its arrays anew. Got 'distinct_grid'": (lc.Outcome(arrays={"distinct_grid": torch.zeros(2)}), {}),
}  # fmt: skip


@pytest.mark.parametrize("says", WRONG)
def test_values_that_do_not_fit_name_the_measure(says: str) -> None:
    outcome, columns = WRONG[says]
    wrong = lc.Measure("wrong", lambda evidence: outcome, **columns)
    net, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8)), torch.rand(40, 4)
    with pytest.raises(lc.CensusError, match=f"The measure 'wrong' {says}"):
        lc.take(net, x, twin=False, measures=(*lc.MEASURES, wrong), settings=lc.Settings(progress=False))


def test_a_kind_that_is_none() -> None:
    with pytest.raises(lc.CensusError, match=r"kind of a column must be one of count, .* Got 'banana'"):
        lc.Column("x", kind="banana")


def test_merging_asks_for_the_measures_of_the_shards(tmp_path: Path) -> None:
    mine = lc.Measure(
        "mine", lambda e: lc.Outcome(layer={"width_again": e.width}), {"width_again": lc.Column("width", kind="count")}
    )
    net, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), torch.rand(60, 4)
    parts = [tmp_path / "one", tmp_path / "two"]
    for number, part in enumerate(parts, 1):
        settings = lc.Settings(progress=False, shard=(number, 2), out=part)
        lc.take(net, x, twin=False, measures=(*lc.MEASURES, mine), settings=settings)
    with pytest.raises(lc.CensusError, match=r"must hold those of the shards.*Got none called 'mine'"):
        lc.merge(parts, progress=False)
    merged = lc.merge(parts, measures=(*lc.MEASURES, mine), progress=False)
    assert merged.layers["width_again"].tolist() == [8, 3]
