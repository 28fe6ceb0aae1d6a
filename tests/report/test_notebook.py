"""In a notebook a census shows its first screen: whole, small, without scripts, and each output by itself."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus import progress
from layercensus.census.census import Census

from .browser import CHROMIUM, opened


@pytest.fixture(scope="module")
def census() -> Census:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(125, 3))
    settings = lc.Settings(progress=False, resamples=20, twins=1, other_views=False, calibration=60, held_out=40)
    return lc.take(net, torch.rand(120, 1, 9, 9), settings=settings)


def test_the_first_screen_is_whole_and_small(census: Census) -> None:
    shown = census._repr_html_()
    assert len(shown.encode()) < 300_000
    assert f"Answer: {census.verdict.answer}." in shown
    assert shown.count("<svg") == 2
    assert "url(data:image/webp;base64," in shown
    assert not re.search(r"<script|<link|(?:src|href)=", shown)
    for name in census.layers["layer"]:
        assert f"<td>{name}</td>" in shown
    needed = int(census.layers["needed"].iloc[0])
    assert f"<title>layer: {census.layers['layer'].iloc[0]}; directions: {needed}; what: needed</title>" in shown


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system")
def test_a_switch_moves_its_own_output_only(census: Census, tmp_path: Path) -> None:
    page = tmp_path / "two.html"
    page.write_text(f"<body>{census._repr_html_()}{census._repr_html_()}</body>", "utf-8")
    moved = """
    var first = document.querySelector('.lc');
    first.querySelectorAll('input')[1].click();
    document.title = Array.from(document.querySelectorAll('.lc-picture'), function (p) {
      return getComputedStyle(p).display === 'block' ? 1 : 0;
    }).join('');
    """
    dom, console = opened(page, moved)
    assert console == []
    assert "<title>0110</title>" in dom


def test_bars_are_the_notebook_s_own_only_where_it_can_draw_them(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = progress.bars()
    assert plain.__module__ == "tqdm.std"
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1)))
    monkeypatch.setattr(progress, "find_spec", lambda _: None)
    assert progress.bars() is plain
    monkeypatch.setattr(progress, "find_spec", lambda _: object())
    assert progress.bars().__module__ == "tqdm.notebook"
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: object()))
    assert progress.bars() is plain
