"""The search over all units finds each by number, layer, fate and words, and leads to where it is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.census import Census
from layercensus.report.single import write_single

from .browser import CHROMIUM, opened

SEARCH = """
addEventListener('load', function () {
  var input = document.getElementById('find'), asked = ['unit 3', 'column 2', 'distinct', 'nowhere'], said = [];
  function next() {
    if (!asked.length) return document.body.dataset.said = JSON.stringify(said);
    input.value = asked.shift();
    input.dispatchEvent(new Event('input'));
    setTimeout(function () {
      var links = Array.from(document.querySelectorAll('#found a'), function (a) { return a.getAttribute('href'); });
      said.push([document.getElementById('found-many').textContent, links]);
      next();
    }, 700);
  }
  next();
});
"""


@pytest.fixture(scope="module")
def census() -> Census:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    settings = lc.Settings(progress=False, resamples=20, other_views=False, needed=False)
    return lc.take(net, torch.randn(150, 4), twin=False, settings=settings)


@pytest.fixture(scope="module")
def report(census: Census, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return census.report(tmp_path_factory.mktemp("report"))


def test_every_unit_is_in_the_index_with_its_words(census: Census, report: Path) -> None:
    text = (report.parent / "assets/units.js").read_text("utf-8")
    layers = json.loads(text.removeprefix("window.layercensusUnits=").removesuffix(";"))
    assert [(name, len(words)) for name, _, _, words in layers] == [
        (str(row["layer"]), int(row["width"])) for _, row in census.layers.iterrows()
    ]
    page = (report.parent / layers[0][1]).read_text("utf-8")
    fates = census.units.loc[census.units["layer"] == layers[0][0], "fate"].fillna("")
    for unit, (words, fate) in enumerate(zip(layers[0][3], fates, strict=True)):
        assert words.startswith(fate)
        assert f'id="unit-{unit}"' in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system")
def test_a_search_lists_units_and_where_they_are_shown(census: Census, report: Path) -> None:
    dom, console = opened(report, SEARCH)
    assert console == []
    found = re.search(r"data-said=\"([^\"]*)\"", dom)
    assert found is not None
    third, driven, kind, none = json.loads(found[1].replace("&quot;", '"'))
    total = len(census.units)
    with_third = [at for at, row in enumerate(census.layers.to_dict("records")) if row["width"] > 3]
    assert third[1] == [f"layers/layer-{at:03d}.html#unit-3" for at in with_third]
    assert third[0] == f"{len(with_third)} of {total}"
    assert all(re.fullmatch(r"layers/layer-\d+\.html#unit-\d+", link) for link in driven[1])
    distinct = int((census.units["fate"] == "distinct").sum())
    assert len(kind[1]) == distinct > 0
    assert none == [f"0 of {total}", []]


def test_one_file_has_no_search_that_needs_another(report: Path, tmp_path: Path) -> None:
    assert "units.js" not in write_single(report.parent, tmp_path / "one.html").read_text("utf-8")
