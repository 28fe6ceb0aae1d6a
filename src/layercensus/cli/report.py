"""layercensus report: the page of a saved census again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .parameters import Quiet

EXAMPLES = """Examples:
  layercensus report results"""


def report(folder: Annotated[str, Parameter(metavar="DIR", help="a saved census")], /, *, quiet: Quiet = False) -> None:
    """Draw the page of a saved census again."""
    from ..census.census import load

    census = load(folder)
    print(census.report(Path(folder) / "report", progress=not quiet))
