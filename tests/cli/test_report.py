"""What `layercensus report` blames on the census that it reads, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.census import Census
from layercensus.cli.report import report
from layercensus.cli.show import show_census


def test_a_fault_of_the_page_is_not_called_a_damaged_census(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = lc.Settings(progress=False, pictures=0, resamples=20)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU())
    folder = lc.take(net, torch.randn(40, 4), twin=False, settings=settings).save(tmp_path / "one")

    def broken(*_: object, **__: object) -> Path:
        raise KeyError("a column that the page forgot")

    monkeypatch.setattr(Census, "report", broken)
    with pytest.raises(KeyError, match="the page forgot"):
        report(str(folder))


def test_a_damaged_census_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "census.json").write_text("{", "utf-8")
    with pytest.raises(lc.CensusError, match="holds a damaged census"):
        report(str(tmp_path))


def test_a_census_is_shown_without_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = lc.Settings(progress=False, pictures=0, resamples=20, needed=False, other_views=False)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU())
    census = lc.take(net, torch.randn(40, 4), twin=False, settings=settings)
    show_census(census, tmp_path, quiet=True, report=False)
    assert list(tmp_path.iterdir()) == []
    assert f"layercensus report {tmp_path} draws it" in capsys.readouterr().out.replace("\n", " ")
