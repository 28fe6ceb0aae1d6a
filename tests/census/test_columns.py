"""Columns have one truth: what the measures declare. No list of their names stands anywhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from layercensus.census.columns import Columns, intervals
from layercensus.measures import FATES, MEASURES, Column
from layercensus.measures.column import interval
from layercensus.report.cells import cell
from layercensus.report.fates import LOOKS

SOURCE = Path(__file__).parents[2] / "src" / "layercensus"
DECLARED = Columns.of(MEASURES)
NAMES = {*DECLARED.meanings, *DECLARED.units}
FEWEST = 3  # names that make a list
# The verdict's words are about named counts; the survey's table shows attributes of a Layer that has not been counted.
ELSEWHERE = {"census/columns.py", "verdict/wording.py", "verdict/named.py"}
# A timeline has columns of its own; a picture, a comparison of runs and an advice read a few counts by their names.
ELSEWHERE |= {"watch/columns.py", "watch/recorder.py"}
ELSEWHERE |= {"report/directions_chart.py", "verdict/several.py", "advise/width.py"}
# So do bars in the terminal, a notebook's short table, and the lab that tells reciting from copying.
ELSEWHERE |= {"report/terminal_bars.py", "report/notebook.py", "labs/identity/lab.py", "labs/identity/charts.py"}
# The settings of optimised images have names of their own, and limits are set for fates, which are values of a column.
NO_COLUMNS = {
    ("report/terminal_others.py", frozenset({"layer", "kind", "role"})),
    ("visualise/options.py", frozenset({"examples", "shared", "top"})),
    ("census/used.py", frozenset({"dead", "noise", "duplicate"})),
    ("census/concepts.py", frozenset({"concept", "depth", "layer", "unit"})),  # a table of concepts has its own columns
    ("report/layer_page.py", frozenset({"concept", "fate", "unit"})),  # keys that units are sorted by
}


def lists(file: Path) -> Iterator[frozenset[str]]:
    """The columns' names that stand in one tuple, list, set or dict."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        entries = getattr(node, "elts", None) or getattr(node, "keys", None) or []
        names = {entry.value for entry in entries if isinstance(entry, ast.Constant) and isinstance(entry.value, str)}
        if len(names & NAMES) >= FEWEST:
            yield frozenset(names & NAMES)


def files() -> dict[str, Path]:
    found = {file.relative_to(SOURCE).as_posix(): file for file in SOURCE.rglob("*.py")}
    return {name: file for name, file in found.items() if not name.startswith("measures/") and name not in ELSEWHERE}


def test_no_list_of_columns_stands_outside_the_measures() -> None:
    found = {(name, names) for name, file in files().items() for names in lists(file)}
    assert found == NO_COLUMNS


def test_a_list_of_columns_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        'SHOWN = ("layer", "twin_distinct", "reliable")\nOTHER = {"reliable": 1, "x": 2}\n'
    )
    assert list(lists(tmp_path / "mine.py")) == [{"layer", "twin_distinct", "reliable"}]


def test_an_interval_belongs_to_the_column_that_it_names() -> None:
    columns = {"mean": Column("a mean"), **interval("mean", "", 0), "size_low": Column("not an end")}
    assert intervals(columns) == {"mean": ("mean_low", "mean_high")}
    assert DECLARED.intervals["twin_distinct"] == ("twin_distinct_low", "twin_distinct_high")


def test_a_cell_has_an_interval_only_where_it_is_declared() -> None:
    row = pd.Series({"mean": 2.0, "mean_low": 1.0, "mean_high": 3.0})
    assert cell(row, "mean") == "2"
    assert cell(row, "mean", ("mean_low", "mean_high")) == "2 [1.0–3.0]"


def test_the_numbers_of_the_main_table_have_their_intervals_and_the_twin_s() -> None:
    at = DECLARED.numbers.index("distinct")
    expected = ["distinct", "twin_distinct", "distinct_low", "twin_distinct_low", "distinct_high", "twin_distinct_high"]
    assert DECLARED.numbers[at : at + 6] == expected
    assert set(DECLARED.numbers) <= NAMES


@pytest.mark.parametrize("fate", FATES)
def test_every_fate_is_drawn(fate: str) -> None:
    assert LOOKS[fate].colour.startswith("#")
    assert len({look.glyph for look in LOOKS.values()}) == len(FATES)
