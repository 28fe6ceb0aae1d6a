"""Many censuses on one page: a table, and for each its answer and a small picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..census.record import CensusRecord
from ..verdict.judge import judge
from ..verdict.several import side_by_side
from .charts import fates
from .directions_chart import directions
from .files import drawn_files, environment, put
from .index_page import headline


def write_many(censuses: Mapping[str, CensusRecord], folder: Path) -> Path:
    """Write `folder`/index.html with a part for each census, by the name of its run, and return its path.

    Raises:
        CensusError: when the folder cannot be written.
    """
    table, pictures, parts = side_by_side(censuses), [], []
    for number, (name, census) in enumerate(censuses.items()):
        picture, file = directions(census) or fates(census, fraction=True), f"run-{number:02d}"
        pictures += list(drawn_files(file, picture))
        parts.append((name, headline(judge(census)), file if picture is not None else ""))
    page = (
        environment()
        .get_template("many.html")
        .render(
            parts=parts, heads=list(table.columns), rows=[[str(value) for value in row] for row in table.to_numpy()]
        )
    )
    put(folder, [*pictures, ("runs.csv", table.to_csv(index=False, lineterminator="\n")), ("index.html", page)])
    return folder / "index.html"
