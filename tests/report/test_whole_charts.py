"""No chart is cut: not by its own edge, and not by the window, whatever the number of layers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.census import Census
from layercensus.report.charts import dimensions, fates
from layercensus.report.depth_charts import over_depth
from layercensus.report.directions_chart import directions
from layercensus.report.files import put, vega
from layercensus.report.index_page import Drawn, index_page
from layercensus.report.names import thinned, wrapped
from layercensus.report.picture import Picture

from .browser import CHROMIUM, opened

WIDTHS, LAYERS = (390, 768, 1440), (6, 50, 200)
OUTSIDE = """
function outside(svg) {
  var box = svg.getBoundingClientRect(), found = [];
  svg.querySelectorAll('text, path, line, rect').forEach(function (part) {
    var own = part.getBoundingClientRect();
    var cut = own.width && (own.left < box.left - 1 || own.right > box.right + 1 || own.top < box.top - 1 ||
      own.bottom > box.bottom + 1);
    if (cut) found.push(part.textContent || part.getAttribute('aria-label') || part.tagName);
  });
  return found;
}
"""
INNER = (
    OUTSIDE
    + """
function told() {
  var live = document.querySelector('#thresholds svg'), wide = document.documentElement.clientWidth;
  if (window.vegaEmbed && !live) return setTimeout(told, 100);
  var images = Array.from(document.querySelectorAll('img.chart')).filter(function (i) { return i.offsetParent; });
  var cut = images.filter(function (i) { return i.getBoundingClientRect().right > wide || i.clientWidth < wide / 2; });
  var page = { scroll: document.documentElement.scrollWidth, wide: wide, frame: innerWidth, images: images.length };
  page.cut = cut.length; page.live = live ? outside(live) : [];
  parent.postMessage(JSON.stringify(page), '*');
}
addEventListener('load', told);
"""
)
OUTER = (
    OUTSIDE
    + """
var found = Array.from(document.querySelectorAll('section')).map(function (s) {
  return [s.id, outside(s.querySelector('svg'))];
}), pages = [];
addEventListener('message', function (event) {
  pages.push(JSON.parse(event.data));
  document.body.dataset.found = JSON.stringify({ drawings: found, pages: pages });
});
"""
)


@pytest.fixture(scope="module")
def census() -> Census:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 10), nn.ReLU(), nn.Linear(10, 3))
    settings = lc.Settings(progress=False, resamples=20, twins=1, dimension=True, other_views=False)
    return lc.take(net, torch.randn(250, 8), settings=settings)


def deep(census: Census, layers: int) -> Census:
    """The first layer of a census so many times, under names as long as those of real nets."""
    own = str(census.layers["layer"].iloc[0])
    names = [f"features.stage{at // 10}.block{at}.expansion.activation{at % 2}" for at in range(layers)]
    rows = pd.concat([census.layers[:1].assign(layer=name, depth=at / layers) for at, name in enumerate(names)])
    units = pd.concat([census.units[census.units["layer"] == own].assign(layer=name) for name in names])
    arrays = {
        key._replace(layer=name): value for name in names for key, value in census.arrays.items() if key.layer == own
    }
    return Census(
        rows.reset_index(drop=True), units.reset_index(drop=True), census.twin_units, census.runs, arrays, (),
        census.provenance,
    )  # fmt: skip


def written(census: Census, folder: Path) -> dict[str, Picture]:
    """The first page without those of the layers, and its charts."""
    charts = {
        "directions": directions(census), "units": fates(census, fraction=False),
        "dimensions": dimensions(census) if len(census.layers) < 200 else None,
    }  # fmt: skip
    drawn = {name: picture for name, picture in charts.items() if picture is not None}
    assert len(drawn) == (3 if len(census.layers) < 200 else 2)
    pictures = {**charts, "fractions": None, "rarefied": None, "curves": None, "concepts": None}
    page = index_page(census, census.verdict, Drawn(pictures, (), None))
    files = [(f"pictures/{name}{end}.svg", text) for name, p in drawn.items() for end, text in sizes(p).items()]
    put(folder, [("index.html", page.replace("</body>", f"<script>{INNER}</script></body>")), *files])
    return drawn


def sizes(picture: Picture) -> dict[str, str]:
    return {"": picture.svg, **{f"-{size}": text for size, text in picture.others.items()}}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system")
def test_no_chart_is_cut_at_any_width_for_any_number_of_layers(census: Census, tmp_path: Path) -> None:
    sections, frames = [], []
    for layers in LAYERS:
        drawn = written(deep(census, layers), tmp_path / str(layers))
        sections += [
            f'<section id="{layers}-{name}{end}">{text}</section>'
            for name, picture in drawn.items() for end, text in sizes(picture).items()
        ]  # fmt: skip
        live = vega() if layers == 50 else ""  # one is enough of a costly script
        (tmp_path / str(layers) / "assets/vega.js").write_text(live, "utf-8")
        frames += [
            f'<iframe style="width:{wide}px;height:900px;border:0" src="{layers}/index.html"></iframe>'
            for wide in WIDTHS
        ]
    small = [each for each in over_depth(deep(census, 50))[0] if each.name in ("live", "mp_dim")]
    sections += [f'<section id="{each.name}">{each.picture.svg}</section>' for each in small]
    outer = tmp_path / "outer.html"
    assert len(small) == 2
    outer.write_text(f"<!doctype html><body>{''.join(sections + frames)}</body>", "utf-8")
    dom, console = opened(outer, OUTER, width=1500)
    assert console == []
    said = json.loads(re.search(r'data-found="([^"]*)"', dom).group(1).replace("&quot;", '"'))  # type: ignore[union-attr]
    assert len(said["drawings"]) == 3 * (3 + 3 + 2) + 2
    cut = {name: parts for name, parts in said["drawings"] if parts}
    assert cut == {}
    assert sorted(page["frame"] for page in said["pages"]) == sorted(WIDTHS * len(LAYERS))
    assert all(page["scroll"] <= page["wide"] and page["images"] >= 2 for page in said["pages"]), said["pages"]
    assert [page for page in said["pages"] if page["cut"] or page["live"]] == []


def test_names_are_thinned_and_never_cut(census: Census) -> None:
    deeper = deep(census, 50)
    names = [str(name) for name in deeper.layers["layer"]]
    picture = directions(deeper)
    assert picture is not None
    for width, text in zip((1140, 720, 350), sizes(picture).values(), strict=True):
        shown = thinned(names, width - 60)
        assert 2 < len(shown) < 50
        assert (shown[0], shown[-1]) == (names[0], names[-1])
        assert "…" not in text
        lines = re.findall(r"<(?:tspan|text)[^>]*>(features[^<]*|expansion[^<]*)</", text)
        assert lines == [line for name in shown for line in wrapped(name)]
