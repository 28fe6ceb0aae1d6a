"""What the terminal shows: few columns, bars that add up, the answer before the findings, all of it on demand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.census import Census
from layercensus.census.record import Finding
from layercensus.cli.app import main
from layercensus.report.terminal import as_text
from layercensus.report.terminal_bars import bar, direction_bar
from layercensus.report.terminal_table import MOST, short_table


@pytest.fixture(scope="module")
def census() -> Census:
    torch.manual_seed(0)
    hidden = [part for _ in range(3) for part in (nn.Linear(9, 9), nn.ReLU())]
    net = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), *hidden, nn.Linear(9, 3))
    settings = lc.Settings(progress=False, resamples=20, twins=1, other_views=False)
    return lc.take(net, torch.randn(250, 5), settings=settings)


def test_a_table_has_at_most_eight_columns_and_long_lines_are_none(census: Census) -> None:
    table = short_table(census)
    assert [str(column.header) for column in table.columns[:3]] == ["layer", "units", "directions"]
    assert len(table.columns) <= MOST
    assert max(map(len, as_text(census, census.verdict).splitlines())) <= 100


def test_the_answer_comes_before_the_findings_and_each_only_on_demand(census: Census) -> None:
    names = [str(name) for name in census.layers["layer"]]
    found = tuple(Finding(name, (0,), f"Layer {name}: 1 of 9 units never fired.") for name in names[:2])
    known = replace(census, findings=found)
    answer = str(known.verdict).partition("\n")[0]
    short, long = (" ".join(as_text(known, known.verdict, long=long).split()) for long in (False, True))
    assert short.index(answer) < short.index("2 layers hold units that never fired")
    assert f"({names[0]}, {names[1]}). On data like these they can be pruned." in short
    assert found[0].sentence not in short
    assert long.index(answer) < long.index(found[0].sentence) < long.index(found[1].sentence)
    assert all(" ".join(sentence.split()) in long for sentence in known.verdict.details)


def test_the_words_of_the_answer_are_defined(census: Census) -> None:
    assert "directions" in str(census.verdict)
    assert "Words: a direction is a combination of a layer's units" in str(census.verdict)


def row(**values: float | None) -> pd.Series:
    return pd.Series(values)


@pytest.mark.parametrize(
    ("needed", "shared", "learned", "drawn"),
    [
        (12, 6, 3, "███▓▓▓░░░░░░"), (6, 6, 6, "██████"), (6, None, None, "░░░░░░"), (1, 0, 0, "░"), (0, 0, 0, ""),
        (12, 0, 0, "░" * 12),
    ],
)  # fmt: skip
def test_a_bar_of_directions_is_as_long_as_they_are_many(
    needed: float, shared: float | None, learned: float | None, drawn: str
) -> None:
    assert direction_bar(row(needed=needed, shared=shared, learned=learned), 12).plain == drawn


def test_a_bar_of_units_leaves_none_out() -> None:
    drawn = bar(row(distinct=97, duplicate=1, noise=1, dead=1), 10).plain
    assert drawn == "███████▓░·"


def test_a_saved_census_is_shown_again(census: Census, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    census.save(tmp_path / "saved")
    assert main(["show", str(tmp_path / "saved")]) == 0
    short = capsys.readouterr().out
    assert main(["show", str(tmp_path / "saved"), "--long"]) == 0
    long = capsys.readouterr().out
    assert short == as_text(census, census.verdict)
    assert "memory format:" in long
    assert "memory format:" not in short
