"""The page of a layer shows the directions that the answers rest on, with the examples at their ends."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from tests.intervene.planted import SMALL


class Bright(nn.Module):
    """Two units, of which the answer is the first: how bright the left half of a picture is."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        halves = torch.stack([x[:, 0, :, :8].mean((1, 2)), x[:, 0, :, 8:].mean((1, 2))], 1)
        return self.act(halves)[:, :1] * 3


@pytest.fixture(scope="module")
def census() -> lc.Census:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 0.1, (90, 1, 16, 16)) + rng.uniform(0, 0.9, (90, 1, 1, 2)).repeat(8, 3)
    given = lc.Settings(**(SMALL | {"pictures": 50}))  # type: ignore[arg-type]
    return lc.take(Bright(), torch.from_numpy(x).float(), twin=False, layers="act", settings=given)


def test_the_section_shows_the_examples_at_both_ends(census: lc.Census, tmp_path: Path) -> None:
    census.report(tmp_path)
    page = (tmp_path / "layers/layer-000.html").read_text("utf-8")
    section = page.partition("<h2>Directions that the answers rest on</h2>")[2].partition("<h2>")[0]
    assert "answers rest on one direction of this layer" in section
    found = census.directions("act")
    assert re.findall(r'alt="([^"]*)"', section) == [*found.top[0][:5], *found.bottom[0][:5]]
    assert "100.0%" in section
    assert (tmp_path / "sprites/layer-000-directions.webp").is_file()
    assert {*found.top[0][:5], *found.bottom[0][:5]} <= set(census.gallery.examples)


def test_what_is_missing_is_not_said(census: lc.Census, tmp_path: Path) -> None:
    lacking = census.layers.assign(needed=pd.array([None], dtype="Int64"))
    replace(census, layers=lacking).report(tmp_path)
    assert "answers rest on directions of this layer" in (tmp_path / "layers/layer-000.html").read_text("utf-8")
    arrays = {key: value for key, value in census.arrays.items() if not key.name.startswith("direction_")}
    replace(census, arrays=arrays).report(tmp_path)
    assert "Directions that" not in (tmp_path / "layers/layer-000.html").read_text("utf-8")
