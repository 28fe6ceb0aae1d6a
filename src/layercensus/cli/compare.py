"""layercensus compare: many saved censuses beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .parameters import RUN

EXAMPLES = """Examples:
  layercensus compare run1 run2 run3
  layercensus compare run1 run2 run3 --report all"""


def compare(
    *folders: Annotated[str, Parameter(metavar="DIR", help="saved censuses")],
    report: Annotated[str | None, Parameter(metavar="DIR", help="also draw them on one page in DIR", group=RUN)] = None,
) -> None:
    """Show many saved censuses beside each other."""
    from ..census.census import load
    from ..errors import CensusError
    from ..report.many import write_many
    from ..report.terminal_others import show_many
    from ..verdict.several import side_by_side

    if not folders:
        raise CensusError("folders must be saved censuses, one or more. Got none.")
    censuses = {folder: load(folder) for folder in folders}
    show_many(side_by_side(censuses))
    if report:
        print(f"\nreport: {write_many(censuses, Path(report))}")
