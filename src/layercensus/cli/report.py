"""layercensus report: the page of a saved census again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .parameters import RUN, Quiet

EXAMPLES = """Examples:
  layercensus report results
  layercensus report results --single answer.html
  layercensus report results --address https://example.org/results"""


def report(
    folder: Annotated[str, Parameter(metavar="DIR", help="a saved census")],
    /,
    *,
    single: Annotated[
        str | None,
        Parameter(metavar="FILE", help="also write the first page with its pictures as one file", group=RUN),
    ] = None,
    address: Annotated[
        str | None,
        Parameter(
            metavar="URL", help="where the report will stand: links to it then show the answer's picture", group=RUN
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Draw the page of a saved census again."""
    from ..census.census import load
    from ..report.single import write_single

    census = load(folder)
    page = census.report(Path(folder) / "report", address=address, progress=not quiet)
    print(page)
    if single:
        print(write_single(page.parent, Path(single)))
