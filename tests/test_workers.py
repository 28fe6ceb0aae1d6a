"""Jobs of benchmarks: a run that was stopped goes on, one job's failure costs no other's rows."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from workers import options, rows_of


def work(job: tuple[str, int]) -> list[dict[str, Any]]:
    """Two rows, or a failure."""
    if job[1] < 0:
        raise ValueError("below 0")
    return [{"number": job[1]}, {"number": 10 * job[1]}]


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options(parser)
    return parser.parse_args(words)


def test_rows_come_in_the_order_of_jobs_and_are_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([{"number": 7, "job": "('b', 1)", "cpu": 2.5}]))
    rows = rows_of(asked("--out", str(file)), work, [("a", 3), ("b", 1), ("c", -1), ("d", 2)])
    assert [row["number"] for row in rows] == [3, 30, 7, 2, 20]
    said = capsys.readouterr().out
    assert "3 of 4 jobs" in said
    assert "not counted: ('c', -1): ValueError('below 0')" in said
    assert json.loads(file.read_text())[0]["number"] == 7
    assert rows_of(asked("--read", str(file)), work, []) == json.loads(file.read_text())


def test_no_job_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    assert rows_of(asked("--minutes", "0", "--out", str(file)), work, [("a", 1)]) == []
    assert not file.exists()
