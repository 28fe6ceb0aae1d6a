"""layercensus report: the page of a saved census again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import CensusError, first_line
from .parameters import Quiet

EXAMPLES = """Examples:
  layercensus report results"""


def report(folder: Annotated[str, Parameter(metavar="DIR", help="a saved census")], /, *, quiet: Quiet = False) -> None:
    """Draw the page of a saved census again."""
    from jinja2 import UndefinedError

    from ..census.census import load

    census = load(folder)
    try:
        page = census.report(Path(folder) / "report", progress=not quiet)
    except (KeyError, TypeError, AttributeError, ValueError, UndefinedError) as error:
        if isinstance(error, CensusError):
            raise
        raise CensusError(f"{folder} holds a damaged census ({first_line(error)}).") from error
    print(page)
