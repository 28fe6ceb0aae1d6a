"""The report: complete, small, safe, the same every time, and alive in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.census import Census
from layercensus.report.charts import fates, rarefaction
from layercensus.report.layer_page import layer_page
from layercensus.report.many import write_many
from layercensus.report.single import write_single
from layercensus.report.tiles import Examples
from layercensus.report.two import write_two
from layercensus.verdict.sensitivity import answers, index_of_thresholds

from .browser import CHROMIUM, opened, seconds_to_open

EVIL = "<script>alert(1)</script> \"quoted\" 'too' & \N{SNOWMAN} \N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET}"
real_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system")


@pytest.fixture(scope="module")
def census() -> Census:
    torch.manual_seed(0)
    parts = [
        nn.Linear(12, 20),
        nn.ReLU(),
        nn.Linear(20, 20),
        nn.ReLU(),
        nn.Linear(20, 20),
        nn.ReLU(),
        nn.Linear(20, 20),
    ]
    net = nn.Sequential(*parts, nn.ReLU(), nn.Linear(20, 3))
    with torch.no_grad():
        net[2].weight[5], net[2].bias[5] = net[2].weight[4], net[2].bias[4]  # a duplicate
        net[4].weight[3], net[4].bias[3] = 0, -1  # a dead unit
    settings = lc.Settings(progress=False, resamples=40, twins=1, dimension=True)
    return lc.take(net, torch.randn(400, 12), settings=settings)


@pytest.fixture(scope="module")
def report(census: Census, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return census.report(tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small convolutional net on pictures."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 12, 5), nn.ReLU(), nn.Conv2d(12, 8, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(800, 4)
    )
    settings = lc.Settings(progress=False, resamples=20, twins=1)
    return (
        lc.take(net, torch.rand(150, 3, 28, 28), settings=settings).report(tmp_path_factory.mktemp("pictured")).parent
    )


class Page(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name == "id" and value:
                self.ids.append(value)


def pages(report: Path) -> Iterator[tuple[Path, Page]]:
    for file in sorted(report.rglob("*.html")):
        yield file, Page(file)


def test_every_link_leads_to_a_file_and_an_anchor_of_the_folder(report: Path) -> None:
    checked = 0
    for file, page in pages(report):
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            path, _, anchor = unquote(link).partition("#")
            target = (file.parent / path).resolve() if path else file
            assert target.is_file(), link
            assert target.is_relative_to(report.resolve()), link
            assert not anchor or anchor in Page(target).ids, link
            checked += 1
    assert checked > 40


def test_sentences_stand_apart(report: Path) -> None:
    """A template that joins two sentences without a space between them."""
    for page in report.rglob("*.html"):
        text = re.sub(r"<[^>]+>", "", "\n".join(re.findall(r"<p[ >].*?</p>", page.read_text("utf-8"), re.DOTALL)))
        assert not re.findall(r"\w+ \w{3,}\.[A-Z]\w*", text), page.name


def test_every_unit_of_every_layer_has_an_anchor(census: Census, report: Path) -> None:
    found = [page for file, page in pages(report) if file.parent.name == "layers"]
    for (_, layer), page in zip(census.layers.iterrows(), found, strict=True):
        assert {f"unit-{n}" for n in range(layer["width"])} <= set(page.ids)


def test_a_page_shows_the_first_units_of_a_very_wide_layer_and_says_where_the_rest_is(
    census: Census, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cap is 2,000 rows; here 7, and every link must still lead somewhere."""
    monkeypatch.setattr("layercensus.report.layer_page.MOST", 7)
    monkeypatch.setattr("layercensus.report.index_page.MOST", 7)
    folder = census.report(tmp_path).parent
    found = [(file, page) for file, page in pages(folder) if file.parent.name == "layers"]
    capped = 0
    for (_, layer), (file, page) in zip(census.layers.iterrows(), found, strict=True):
        shown = [int(id.removeprefix("unit-")) for id in page.ids if id.startswith("unit-")]
        width = int(layer["width"])
        text = file.read_text("utf-8")
        assert len(shown) == min(7, width)
        assert (f"Shown are the first 7 of {width} units" in text) == (width > 7)
        assert ("units.csv" in text) == (width > 7)
        capped += width > 7
    assert capped >= 2
    test_every_link_leads_to_a_file_and_an_anchor_of_the_folder(folder)


def test_fifty_thousand_units_are_a_page_that_opens(census: Census) -> None:
    name = str(census.layers["layer"].iloc[0])
    own = census.units[census.units["layer"] == name]
    wide = pd.concat([own] * (50_257 // len(own) + 1), ignore_index=True)[:50_257].assign(unit=range(50_257))
    large = Census(
        census.layers.assign(width=50_257)[:1], wide, census.twin_units, census.runs, census.arrays, (),
        census.provenance,
    )  # fmt: skip
    rows = layer_page(large, 0, Examples(large.gallery), None)["rows"]
    order = layer_page(census, 0, Examples(census.gallery), None)["rows"]
    assert len(rows) == 2000
    assert [row.unit % len(own) for row in rows[:1]] == [order[0].unit]  # the page's own order


def test_the_same_census_gives_the_same_bytes(census: Census, report: Path, tmp_path: Path) -> None:
    census.save(tmp_path / "saved")
    again = lc.load(tmp_path / "saved").report(tmp_path / "report").parent
    files = sorted(p.relative_to(report) for p in report.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert [name for name in files if (report / name).read_bytes() != (again / name).read_bytes()] == []


def test_without_a_twin_no_page_speaks_of_one_and_cuts_between_the_sliders_are_told(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3))
    settings = lc.Settings(progress=False, resamples=20, reliability=0.47, tau=0.93)
    alone = lc.take(net, torch.randn(300, 8), twin=False, settings=settings).report(tmp_path).parent
    index = (alone / "index.html").read_text("utf-8")
    assert "start at 0.5 and 0.95, which are nearest to this census's own 0.47 and 0.93" in index
    for file, _ in pages(alone):
        text = file.read_text("utf-8")
        assert not any(said in text for said in ("dashed ones", "the untrained twin beside", ">untrained twin</th>"))


def test_a_census_of_little_data_is_the_same_fresh_and_loaded_and_claims_nothing(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 3))
    small = lc.take(net, torch.randn(80, 8), twin=False, settings=lc.Settings(progress=False, resamples=20))
    small.save(tmp_path / "saved")
    fresh, loaded = small.report(tmp_path / "a").parent, lc.load(tmp_path / "saved").report(tmp_path / "b").parent
    texts = [[file.read_text("utf-8") for file, _ in pages(folder)] for folder in (fresh, loaded)]
    assert texts[0] == texts[1]
    assert small.verdict.answer == "undecided"
    i, j = index_of_thresholds(small)
    said = [answer for row in answers(small) for answer in row]
    others = sum(answer != answers(small)[i][j] for answer in said)
    index = texts[0][0]
    assert (f"changes at {others} of 90 pairs" if others else "the same at all 90 pairs") in index


def test_layers_named_like_parts_of_a_drawing_keep_their_names(census: Census) -> None:
    names = dict(zip(census.layers["layer"], ("clip12", "clip7", "gradient_5", "a", "b"), strict=True))
    arrays = {key._replace(layer=names[key.layer]): value for key, value in census.arrays.items()}
    named = replace(census, layers=census.layers.replace({"layer": names}), arrays=arrays)
    drawn = [fates(named, fraction=False), rarefaction(named), rarefaction(named)]
    assert drawn[0] is not None
    assert all(f">{name}<" in drawn[0].svg for name in names.values())
    assert drawn[1] is not None
    assert drawn[2] is not None
    assert drawn[1].svg == drawn[2].svg


def test_a_second_report_leaves_no_layer_of_the_first_and_nothing_of_the_user_s_is_touched(
    census: Census, tmp_path: Path
) -> None:
    census.report(tmp_path)
    own = tmp_path / "pictures" / "holiday.svg"
    own.write_text("mine", "utf-8")
    replace(census, layers=census.layers[:2]).report(tmp_path)
    assert sorted(file.name for file in (tmp_path / "layers").iterdir()) == ["layer-000.html", "layer-001.html"]
    assert not (tmp_path / "pictures" / "layer-002.svg").exists()
    assert own.read_text("utf-8") == "mine"


def test_names_are_shown_as_text_whatever_they_hold(census: Census, report: Path, tmp_path: Path) -> None:
    name = str(census.layers["layer"].iloc[1])
    layers, units = census.layers.replace({"layer": {name: EVIL}}), census.units.replace({"layer": {name: EVIL}})
    units["top"] = [(EVIL, *top[1:]) if top else top for top in units["top"]]
    arrays = {key._replace(layer=EVIL) if key.layer == name else key: value for key, value in census.arrays.items()}
    findings = tuple(replace(f, layer=EVIL if f.layer == name else f.layer, sentence=EVIL) for f in census.findings)
    provenance = replace(census.provenance, data=dict(census.provenance.data) | {"name": EVIL})
    hostile = Census(layers, units, census.twin_units, census.runs, arrays, findings, provenance)
    written = hostile.report(tmp_path / "hostile").parent
    plain = {file.relative_to(report): page.tags.count("script") for file, page in pages(report)}
    for file, page in pages(written):
        assert page.tags.count("script") == plain[file.relative_to(written)]
    assert EVIL.split()[0] not in (written / "index.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in (written / "layers/layer-001.html").read_text("utf-8")
    if CHROMIUM is not None:
        _, console = opened(written / "index.html")
        assert console == []


def test_a_large_census_stays_within_the_budgets(census: Census, tmp_path: Path) -> None:
    layers, units, arrays = [], [], {}
    for copy in range(30):
        for name in list(census.layers["layer"]):
            new = f"blocks.{copy}.{name}"
            layers.append(census.layers[census.layers["layer"] == name].assign(layer=new, width=140))
            own = census.units[census.units["layer"] == name]
            wide = pd.concat([own] * (140 // len(own) + 1), ignore_index=True)[:140]
            units.append(wide.assign(layer=new, unit=range(140)))
            for key, value in census.arrays.items():
                if key.layer == name:
                    arrays[key._replace(layer=new)] = value
    large = Census(
        pd.concat(layers, ignore_index=True), pd.concat(units, ignore_index=True), census.twin_units, census.runs,
        arrays, census.findings, census.provenance,
    )  # fmt: skip
    assert len(large.layers) == 150
    assert len(large.units) >= 20_000
    index = large.report(tmp_path)
    assert index.stat().st_size <= 500_000
    assert max(file.stat().st_size for file in (tmp_path / "layers").iterdir()) <= 2_000_000
    assert len(large._repr_html_()) <= 300_000
    if CHROMIUM is not None:
        assert seconds_to_open(index, tmp_path / "blank.html") < 4  # under 1 on a quiet machine


def test_a_census_shows_itself_in_a_notebook(census: Census) -> None:
    shown = census._repr_html_()
    assert f"Answer: {census.verdict.answer}." in shown
    assert "<svg" in shown
    assert not re.search(r"<script|<link|(src|href)=", shown)


@real_browser
def test_the_index_opens_without_a_network_and_the_sliders_redraw(report: Path) -> None:
    moved = """
    setTimeout(function () {
      var before = document.querySelector('#thresholds svg').outerHTML;
      var tau = document.querySelectorAll('#thresholds input[type=range]')[1];
      tau.value = '0.5'; tau.dispatchEvent(new Event('input'));
      setTimeout(function () {
        document.body.dataset.moved = before !== document.querySelector('#thresholds svg').outerHTML;
      }, 800);
    }, 1500);
    """
    dom, console = opened(report / "index.html", moved)
    assert console == []
    assert 'data-moved="true"' in dom


def test_every_unit_shows_its_top_examples(pictured: Path) -> None:
    page = (pictured / "layers/layer-000.html").read_text("utf-8")
    rows = re.findall(r'<tr id="unit-\d+">.*?</tr>', page)
    assert len(rows) == 12
    assert all(row.count("<img") in (0, 5) for row in rows)
    assert sum(row.count("<img") for row in rows) >= 40
    assert all(row.count("<svg") == 1 for row in rows if "<img" in row)
    assert "5 x 5 of 28 x 28 pixels" in page
    assert "13 x 13" not in page
    for file, found in pages(pictured):
        for link in found.links:
            assert (file.parent / unquote(link).partition("#")[0]).exists(), link
    numbers = pd.read_csv(pictured / "pictures/layer-000-correlations.csv", index_col="unit")
    assert list(numbers.columns) == [str(unit) for unit in numbers.index]
    assert numbers.notna().to_numpy().sum() == len(numbers) * (len(numbers) + 1) / 2  # each pair once


@real_browser
def test_pictures_are_there_when_the_page_is_and_say_what_they_are(pictured: Path) -> None:
    tried = """
    var image = document.querySelector('#units img'), out = document.body.dataset;
    out.wide = image.clientWidth; out.natural = image.naturalWidth;
    image.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })); out.title = image.title === image.alt;
    var cell = document.querySelector('#units td'), head = document.querySelector('#units th');
    cell.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })); out.cell = cell.title === head.title;
    var input = document.querySelector('input[type=search]');
    input.value = image.alt; input.dispatchEvent(new Event('input'));
    out.matching = Array.from(document.getElementById('units').tBodies[0].rows).filter(function (r) {
      return !r.hidden && r.contains(image);
    }).length;
    """
    late = f"window.addEventListener('load', function () {{ {tried} }});"
    dom, console = opened(pictured / "layers/layer-000.html", late)
    assert console == []
    body = dict(re.findall(r'data-(\w+)="([^"]*)"', re.search(r"<body[^>]*>", dom).group()))  # type: ignore[union-attr]
    assert body["wide"] == "48"
    assert int(body["natural"]) % 48 == 0
    assert int(body["natural"]) > 0
    assert (body["title"], body["cell"], body["matching"]) == ("true", "true", "1")


@real_browser
def test_the_switch_changes_the_picture_and_an_anchor_finds_its_unit(report: Path) -> None:
    switched = """
    var shown = function () {
      return Array.from(document.querySelectorAll('.picture')).filter(function (p) {
        return getComputedStyle(p).display !== 'none';
      }).map(function (p) { return p.className.split(' ')[1]; }).join(' ');
    };
    document.body.dataset.first = shown();
    document.querySelector('label[for=by-fraction]').click(); document.body.dataset.second = shown();
    document.querySelector('label[for=by-rarefied]').click(); document.body.dataset.third = shown();
    """
    dom, console = opened(report / "index.html", switched)
    assert console == []
    body = dict(re.findall(r'data-(\w+)="([^"]*)"', re.search(r"<body[^>]*>", dom).group()))  # type: ignore[union-attr]
    assert [body["first"], body["second"], body["third"]] == ["counts", "fractions", "rarefied"]
    found = "location.hash = '#unit-5'; document.body.dataset.target = document.querySelector(':target').id;"
    dom, _ = opened(report / "layers/layer-001.html", found)
    assert 'data-target="unit-5"' in dom


@real_browser
def test_units_are_sorted_and_searched(report: Path) -> None:
    tried = """
    var table = document.getElementById('units'), out = document.body.dataset;
    var column = function (n) {
      return Array.from(table.tBodies[0].rows).map(function (r) { return r.cells[n].textContent; });
    };
    table.tHead.rows[0].cells[0].firstChild.click(); out.up = column(0).slice(0, 3).join(' ');
    table.tHead.rows[0].cells[0].firstChild.click(); out.down = column(0).slice(0, 3).join(' ');
    out.sort = table.tHead.rows[0].cells[0].getAttribute('aria-sort');
    var input = document.querySelector('input[type=search]');
    input.value = 'duplicate'; input.dispatchEvent(new Event('input'));
    out.matching = document.getElementById('matching').textContent;
    out.shown = Array.from(table.tBodies[0].rows).filter(function (r) { return !r.hidden; }).length;
    """
    dom, console = opened(report / "layers/layer-001.html", tried)
    assert console == []
    body = dict(re.findall(r'data-(\w+)="([^"]*)"', re.search(r"<body[^>]*>", dom).group()))  # type: ignore[union-attr]
    assert body["up"] == "0 1 2"
    assert body["down"] == "19 18 17"
    assert body["sort"] == "descending"
    assert body["matching"] == f"{body['shown']} of 20 rows"
    assert 0 < int(body["shown"]) < 20


@real_browser
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", ["index.html", "layers/layer-001.html"])
def test_nothing_is_wider_than_the_window(pictured: Path, name: str, width: int) -> None:
    framed = f"""
    if (window !== window.top) {{
      setTimeout(function () {{ parent.postMessage(document.documentElement.scrollWidth, '*'); }}, 2000);
    }} else {{
      window.addEventListener('message', function (event) {{ document.body.dataset.wide = event.data; }});
      var frame = document.createElement('iframe');
      frame.style.cssText = 'width:{width}px;height:900px;border:0';
      frame.src = location.href; document.body.append(frame);
    }}
    """
    dom, _ = opened(pictured / name, framed, width=1500)
    wide = re.search(r'data-wide="(\d+)"', dom)
    assert wide is not None
    assert int(wide.group(1)) <= width


def test_a_page_that_has_an_address_shows_the_picture_of_the_answer_where_it_lies(
    census: Census, tmp_path: Path
) -> None:
    for address in ("https://example.org/a%20b", "https://example.org/a%20b/index.html?x#y"):
        page = census.report(tmp_path / "report", address=address).read_text("utf-8")
        assert '<meta property="og:image" content="https://example.org/a%20b/pictures/answer.png">' in page
        assert '<meta property="og:url" content="https://example.org/a%20b/index.html">' in page
    assert (tmp_path / "report" / "pictures" / "answer.png").is_file()
    single = Page(write_single(tmp_path / "report", tmp_path / "one.html"))
    assert "og:image" in (tmp_path / "one.html").read_text("utf-8")
    assert {link for link in single.links if link.startswith("#")} <= {f"#{id}" for id in single.ids}
    page = census.report(tmp_path / "report").read_text("utf-8")
    assert '<meta property="og:image" content="pictures/answer.png">' in page
    assert "og:url" not in page
    for wrong in ("example.org", "file:///tmp", "https://", "https://a b", 3):
        with pytest.raises(lc.CensusError, match="address must be that of a folder on the web"):
            census.report(tmp_path / "report", address=wrong)  # type: ignore[arg-type]


with_axe = pytest.mark.skipif(
    "LAYERCENSUS_AXE" not in os.environ, reason="LAYERCENSUS_AXE names no copy of axe-core's axe.min.js"
)


@real_browser
@with_axe
@pytest.mark.parametrize("name", ["index.html", "layers/layer-001.html"])
def test_axe_finds_no_serious_violation(pictured: Path, name: str) -> None:
    assert grave_violations(pictured / name) == "none"


@real_browser
@with_axe
def test_axe_finds_no_serious_violation_where_censuses_are_compared(census: Census, tmp_path: Path) -> None:
    assert grave_violations(write_two(census, census, tmp_path / "two")) == "none"
    assert grave_violations(write_many({"one": census, "other": census}, tmp_path / "many")) == "none"


def grave_violations(page: Path) -> str:
    """The names of axe-core's rules that a page breaks gravely, or "none"."""
    axe = Path(os.environ["LAYERCENSUS_AXE"]).read_text("utf-8").replace("</script", "<\\/script")
    run = """
    setTimeout(function () { axe.run().then(function (found) {
      var grave = found.violations.filter(function (v) { return v.impact === 'serious' || v.impact === 'critical'; });
      document.body.dataset.passed = found.passes.length;
      document.body.dataset.grave = grave.map(function (v) { return v.id; }).join(' ') || 'none';
    }); }, 1500);
    """
    dom, _ = opened(page, axe + run)
    body = dict(re.findall(r'data-(\w+)="([^"]*)"', re.search(r"<body[^>]*>", dom).group()))  # type: ignore[union-attr]
    assert int(body["passed"]) > 10
    return str(body["grave"])


def test_two_censuses_stand_side_by_side(census: Census, tmp_path: Path) -> None:
    other = replace(census, layers=census.layers.assign(distinct=census.layers["distinct"] - 1))
    page = write_two(census, other, tmp_path)
    shown = Page(page)
    assert all((tmp_path / link).is_file() for link in shown.links)
    assert page.read_text("utf-8").count("<td>-1</td>") == len(census.layers)
    if CHROMIUM is not None:
        _, console = opened(page)
        assert console == []


def test_no_two_columns_have_one_heading(report: Path) -> None:
    table = (report / "index.html").read_text("utf-8").split('id="numbers"')[1].split("</thead>")[0]
    heads = re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', table)
    assert len(set(heads)) == len(heads) > 10
    assert "needed" in heads
    assert "twin needed" in heads


@real_browser
def test_a_phone_shows_every_layer_in_one_picture(report: Path) -> None:
    seen = "[...document.querySelectorAll('img.chart')].filter(i => i.offsetParent)"
    cut_off = f"{seen}.filter(i => i.offsetWidth > i.parentElement.clientWidth)"
    said = f"onload = () => document.title = [innerWidth, {seen}.length, {cut_off}.length].join(' ')"
    page, _ = opened(report / "index.html", said, width=390)
    inner, shown, cut = map(int, re.findall(r"<title>(\d+) (\d+) (\d+)</title>", page)[0])
    assert inner <= 600
    assert shown >= 3
    assert cut == 0
