"""The page over time shows what happened, and its numbers are the timeline's."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import layercensus as lc
from layercensus.watch.entry import Entry, LayerInfo
from layercensus.watch.heatmap import heatmap

from ..report.browser import CHROMIUM, opened
from .runs import killing, run


def test_the_page_says_what_happened_and_holds_every_number(tmp_path: Path) -> None:
    timeline = run(planted=killing(21, units=8))
    page = timeline.report(tmp_path)
    text = page.read_text("utf-8")
    assert "3: 40% of 20 units died between steps 20 and 40, learning rate 0.01" in text
    saved = pd.read_csv(tmp_path / "pictures" / "dead.csv")
    assert saved.set_index(["layer", "step"])["dead"].unstack().loc[3].tolist() == [0, 0, 8, 8]
    assert len(pd.read_csv(tmp_path / "timeline.csv")) == 4 * 3
    assert "http" not in text.replace("http-equiv", "")
    assert heatmap(timeline, "dead").svg.count("#ee3377") == 1  # a ring for the alarm


def test_names_of_layers_are_escaped(tmp_path: Path) -> None:
    info = LayerInfo("<b>&", 4, "neurons", "ReLU")
    timeline = lc.Timeline(
        {"model": "<i>", "data": "x", "examples": 4}, (info,), (Entry(0, {"<b>&": {"dead": 1}}),)
    )  # fmt: skip
    text = timeline.report(tmp_path).read_text("utf-8")
    assert "<b>&" not in text
    assert "<i>" not in text


def test_a_long_run_does_not_make_a_wide_picture() -> None:
    info = LayerInfo("a", 4, "neurons", "ReLU")
    entries = tuple(Entry(step, {"a": {"dead": step % 2}}) for step in range(1000))
    picture = heatmap(lc.Timeline({}, (info,), entries), "dead")
    assert len(picture.data) == 1000
    assert picture.svg.count("<path") < 400


def test_what_was_never_counted_has_no_picture() -> None:
    info = LayerInfo("a", 4, "neurons", "ReLU")
    assert heatmap(lc.Timeline({}, (info,), (Entry(0, {"a": {"dead": 1}}),)), "needed") is None


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_browser_has_nothing_to_say(tmp_path: Path) -> None:
    document, console = opened(run(steps=20).report(tmp_path))
    assert console == []
    assert document.count("<img") >= 5
