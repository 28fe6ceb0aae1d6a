"""What a command that has made a census prints: the table, the answer, and where the page is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # heavy to import
    from ..census.census import Census


def show_census(census: Census, folder: Path, *, quiet: bool, report: bool = True) -> None:
    """Write the report of a census in `folder` where it is wanted, and print the census."""
    from ..report.terminal import show

    page = census.report(folder / "report", progress=not quiet) if report else None
    show(census, census.verdict)
    print(f"\nreport: {page}" if page else f"\nreport: not drawn; layercensus report {folder} draws it")
