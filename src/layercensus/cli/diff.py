"""layercensus diff: what changed between two saved censuses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .parameters import RUN

EXAMPLES = """Examples:
  layercensus diff results-before results-after
  layercensus diff results-before results-after --report both"""


def diff(
    a: Annotated[str, Parameter(metavar="A", help="folder of the earlier census")],
    b: Annotated[str, Parameter(metavar="B", help="folder of the later census")],
    /,
    *,
    report: Annotated[
        str | None, Parameter(metavar="DIR", help="also draw both side by side into DIR", group=RUN)
    ] = None,
) -> None:
    """Show what changed between two saved censuses."""
    from ..census.census import load
    from ..report.terminal_others import show_difference
    from ..report.two import write_two
    from ..verdict.diff import differences

    earlier, later = load(a), load(b)
    show_difference(differences(earlier, later))
    if report:
        print(f"\nreport: {write_two(earlier, later, Path(report))}")
