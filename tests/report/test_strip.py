"""The strip of pictures leads to each unit and direction, and the first page stands alone as one small file."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.census import Census
from layercensus.census.record import Finding
from layercensus.cli.app import main
from layercensus.report.finding_groups import grouped
from layercensus.report.strip import LAYERS, spread

from .browser import CHROMIUM, opened

LINK = re.compile(r'<a class="card" href="([^"#]*)#([^"]*)"')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved census of a small net on pictures, with two other runs, and its report."""
    torch.manual_seed(0)
    net, *others = (
        nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(45, 4))
        for _ in range(2)
    )
    settings = lc.Settings(progress=False, resamples=20, twins=1, other_views=False, calibration=60, held_out=40)
    saved = tmp_path_factory.mktemp("strip")
    lc.take(net, torch.rand(120, 1, 9, 9), replicas=others, settings=settings).save(saved / "census")
    assert main(["report", str(saved / "census"), "--quiet", "--single", str(saved / "one.html")]) == 0
    return saved


def test_every_card_leads_to_its_own_place(folder: Path) -> None:
    report = folder / "census/report"
    index = (report / "index.html").read_text("utf-8")
    cards = LINK.findall(index)
    assert len(cards) >= 6
    for page, anchor in cards:
        assert f'id="{anchor}"' in (report / page).read_text("utf-8"), anchor
    assert 'class="x ' in index
    assert (report / "sprites/strip.webp").stat().st_size > 100
    assert 'content="pictures/answer.png"' in index
    assert (report / "pictures/answer.png").read_bytes()[:4] == b"\x89PNG"


def test_every_direction_has_an_address(folder: Path) -> None:
    page = (folder / "census/report/layers/layer-000.html").read_text("utf-8")
    directions = re.findall(r'<tr id="(direction-\d+|learned-\d+)">', page)
    assert directions[0] == "direction-0"
    assert all(f'href="#{anchor}"' in page for anchor in directions)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system")
def test_on_a_phone_each_unit_is_a_card_that_fits(folder: Path) -> None:
    seen = """
    addEventListener('load', function () {
      var cells = Array.from(document.querySelectorAll('#units tbody td'));
      var wide = cells.filter(function (c) { return c.getBoundingClientRect().right > innerWidth; });
      document.title = [innerWidth <= 600, cells.length, wide.length, cells[0].dataset.head].join(' ');
    });
    """
    page, console = opened(folder / "census/report/layers/layer-000.html", seen, width=500)
    assert console == []
    small, cells, wide, head = re.findall(r"<title>(\w+) (\d+) (\d+) (\w+)</title>", page)[0]
    assert (small, wide, head) == ("true", "0", "unit")
    assert int(cells) > 6 * 3


def test_one_file_needs_no_other_and_is_small(folder: Path) -> None:
    page = (folder / "one.html").read_text("utf-8")
    assert len(page.encode("utf-8")) <= 3_000_000
    outside = [link for link in re.findall(r'(?:src|href|srcset)="([^"]*)"', page.partition("<script")[0])
               if not link.startswith(("data:", "#"))]  # fmt: skip
    assert outside == []
    assert page.count("data:image/svg+xml") > 5
    assert page.count("data:image/webp") == 1


def test_many_censuses_stand_on_one_page(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = folder / "census"
    other = saved / ".." / "census"
    assert main(["compare", str(saved), str(other), "--report", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    census = lc.load(saved)
    ends = " → ".join(str(census.layers["needed"].iloc[at]) for at in (0, 1))  # the third layer is the output
    assert sum(ends in line for line in said.splitlines()) == 2
    table = pd.read_csv(tmp_path / "runs.csv")
    assert list(table["run"]) == [str(saved), str(other)]
    assert list(table["needed"]) == [ends, ends]
    assert list(table["answer"]) == [census.verdict.answer] * 2
    page = (tmp_path / "index.html").read_text("utf-8")
    files = re.findall(r'<img src="([^"]*)"', page)
    assert len(files) == 2
    assert all((tmp_path / file).is_file() for file in files)
    assert main(["compare"]) == 2


def test_layers_are_spread_over_the_depth() -> None:
    assert spread(3, LAYERS) == [0, 1, 2]
    places = spread(200, LAYERS)
    assert (len(places), places[0], places[-1]) == (LAYERS, 0, 199)
    assert places == sorted(set(places))


def test_findings_of_one_kind_stand_together(folder: Path) -> None:
    census = lc.load(folder / "census")
    names = [str(name) for name in census.layers["layer"]]
    silent = [Finding(name, (0, 1), f"Layer {name}: 2 of 6 units never fired in 120 examples.") for name in names[:2]]
    other = Finding(None, (), "Only 9 examples stand behind the tests.")
    groups = grouped(_with(census, (silent[0], other, silent[1])))
    assert [group.title for group in groups] == ["2 layers hold units that never fired", other.sentence]
    assert groups[0].layers == (2 / 6, 2 / 5, 0.0)
    assert groups[0].findings == tuple(silent)
    assert grouped(_with(census, (silent[0],)))[0].title == "1 layer holds units that never fired"


def _with(census: Census, findings: tuple[Finding, ...]) -> Census:
    return Census(
        census.layers, census.units, census.twin_units, census.runs, census.arrays, findings, census.provenance
    )
