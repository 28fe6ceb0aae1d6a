"""layercensus show: what a census says, in the terminal; and what every command that has made one prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .parameters import Long

if TYPE_CHECKING:  # heavy to import
    from ..census.census import Census

EXAMPLES = """Examples:
  layercensus show results
  layercensus show results --long"""


def show(folder: Annotated[str, Parameter(metavar="DIR", help="a saved census")], /, *, long: Long = False) -> None:
    """Print what a saved census says."""
    from ..census.census import load
    from ..report.terminal import show as printed

    census = load(folder)
    printed(census, census.verdict, long=long)


def show_census(census: Census, folder: Path, *, quiet: bool, report: bool = True, long: bool = False) -> None:
    """Write the report of a census in `folder` where it is wanted, and print the census."""
    from ..report.terminal import show as printed

    page = census.report(folder / "report", progress=not quiet) if report else None
    printed(census, census.verdict, long=long)
    print(f"\nreport: {page}" if page else f"\nreport: not drawn; layercensus report {folder} draws it")
    if not long:
        print(f"more:   layercensus show {folder} --long")
