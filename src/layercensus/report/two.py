"""Two censuses on one page: their pictures side by side and what differs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..census.record import CensusRecord
from ..verdict.diff import differences
from .cells import cell
from .charts import fates
from .files import drawn_files, environment, put


def write_two(a: CensusRecord, b: CensusRecord, folder: Path) -> Path:
    """Write `folder`/index.html with both censuses and return its path; the same censuses give the same bytes.

    Raises:
        CensusError: when the folder cannot be written.
    """
    pictures = [file for name, census in (("a", a), ("b", b)) for file in _pictures(name, census)]
    put(folder, pictures)
    found = differences(a, b)
    rows = [
        [cell(row, name) for name in ("layer", "measure", "a", "b", "change")] + [_sure(row["significant"])]
        for _, row in found.layers.iterrows()
    ]
    page = environment().get_template("two.html").render(
        sides=[("A", "a", a, found.answers[0]), ("B", "b", b, found.answers[1])],
        drawn={file for file, _ in pictures}, rows=rows, notes=(*found.settings, *found.only),
    )  # fmt: skip
    put(folder, [("index.html", page), ("differences.csv", found.layers.to_csv(index=False, lineterminator="\n"))])
    return folder / "index.html"


def _pictures(name: str, census: CensusRecord) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for kind, fraction in (("units", False), ("fractions", True)):
        found += drawn_files(f"{name}-{kind}", fates(census, fraction))
    return found


def _sure(value: object) -> str:
    return "–" if pd.isna(value) else "yes" if value else "no"
