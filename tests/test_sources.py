"""A new source of models or data is one file and one line in a table; messages and documents follow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import layercensus as lc
from layercensus.data import open as data_sources
from layercensus.models import open as model_sources
from layercensus.models.openers import FACTORY, find, usages

DOCUMENT = (Path(__file__).parents[1] / "docs/sources.md").read_text("utf-8")

MODEL = '''
"""Nets from a file that says how wide they are."""
from pathlib import Path
from torch import nn
from layercensus import Model

def open_width(file):
    width = int(Path(file).read_text())
    return Model(nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2)), f"width:{width}")
'''
DATA = '''
"""Examples counted up to the number behind the colon."""
import torch
from layercensus.data.arrays import Arrays

def open_counted(count, request):
    return Arrays(torch.randn(int(count), 4), request.labels, name=f"counted:{count}")
'''


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "width_source.py").write_text(MODEL)
    (tmp_path / "counted_source.py").write_text(DATA)
    monkeypatch.setitem(model_sources.OPENERS, "width:FILE", "width_source:open_width")
    monkeypatch.setitem(data_sources.OPENERS, "counted:NUMBER", "counted_source:open_counted")
    (tmp_path / "five.txt").write_text("5")
    return tmp_path


def test_one_file_and_one_line(sources: Path) -> None:
    settings = lc.Settings(progress=False)
    census = lc.take(f"width:{sources / 'five.txt'}", "counted:30", twin=False, settings=settings)
    assert census.layers["width"].tolist() == [5, 2]
    assert (census.about["model"], census.about["data"]["name"], census.about["examples"]) == (
        "width:5", "counted:30", 30,
    )  # fmt: skip


def test_messages_follow_the_table(sources: Path) -> None:
    with pytest.raises(lc.CensusError, match=r"model must be one of width:FILE, .*Got 'widht:'"):
        lc.take("widht:", "digits")
    with pytest.raises(lc.CensusError, match=r"counted:NUMBER.* Did you mean counted:3\?"):
        data_sources.open_data("countd:3")


@pytest.mark.parametrize(("heading", "openers"), [("Models", model_sources.OPENERS), ("Data", data_sources.OPENERS)])
def test_the_document_lists_the_table(heading: str, openers: dict[str, str]) -> None:
    section = DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([^`]+)`", section, re.M) == usages(openers)


@pytest.mark.parametrize("openers", [model_sources.OPENERS, data_sources.OPENERS])
def test_every_target_is_there(openers: dict[str, str]) -> None:
    for usage in openers:
        name, _, argument = usage.partition(":")
        opened = find(openers, f"{name}:x" if argument else name)
        assert opened is not None
        assert callable(opened[0])


def test_a_default_stands_for_what_is_not_said() -> None:
    assert find({"net:0": "json:loads"}, "net") == find({"net:0": "json:loads"}, "net:0")
    assert find({"net:NAME": "json:loads"}, "net") is None
    assert find({"net": "json:loads"}, "net:3") is None
    assert usages({"net": "json:loads"}, "nett")[0] == "net"
    assert FACTORY in usages({})
