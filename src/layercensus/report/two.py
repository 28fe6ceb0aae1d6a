"""Two censuses on one page: their pictures side by side and what differs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..census.record import CensusRecord
from ..verdict.diff import differences
from ..verdict.judge import judge
from .cells import cell
from .charts import fates
from .directions_chart import directions
from .files import drawn_files, environment, put
from .index_page import headline


def write_two(a: CensusRecord, b: CensusRecord, folder: Path) -> Path:
    """Write `folder`/index.html with both censuses and return its path; the same censuses give the same bytes.

    Raises:
        CensusError: when the folder cannot be written.
    """
    pictures = [file for name, census in (("a", a), ("b", b)) for file in _pictures(name, census)]
    put(folder, pictures)
    difference = differences(a, b)
    rows = [
        [cell(row, name) for name in ("layer", "measure", "a", "b", "change")] + [_yes_or_no(row["significant"])]
        for _, row in difference.layers.iterrows()
    ]
    page = environment().get_template("two.html").render(
        sides=[("A", "a", a, difference.answers[0]), ("B", "b", b, difference.answers[1])],
        headlines=[headline(judge(each)) for each in (a, b)],
        drawn={file for file, _ in pictures}, rows=rows, notes=(*difference.settings, *difference.only),
    )  # fmt: skip
    put(folder, [("index.html", page), ("differences.csv", difference.layers.to_csv(index=False, lineterminator="\n"))])
    return folder / "index.html"


def _pictures(name: str, census: CensusRecord) -> list[tuple[str, str]]:
    files = list(drawn_files(f"{name}-directions", directions(census)))
    for kind, fraction in (("units", False), ("fractions", True)):
        files += drawn_files(f"{name}-{kind}", fates(census, fraction))
    return files


def _yes_or_no(value: object) -> str:
    return "–" if pd.isna(value) else "yes" if value else "no"
