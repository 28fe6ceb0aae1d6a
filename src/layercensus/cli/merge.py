"""layercensus merge: one census of the counted shards of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .parameters import Long, Out, Overwrite, Quiet
from .show import show_census

EXAMPLES = """Examples:
  layercensus merge part1 part2 part3 part4 --out results"""


def merge(
    *shards: Annotated[str, Parameter(metavar="SHARD", help="results folder of each shard")],
    out: Out,
    overwrite: Overwrite = False,
    long: Long = False,
    quiet: Quiet = False,
) -> None:
    """Make one census of the counted shards of a data set."""
    folder = Path(out)
    from ..census.merge import merge as merged

    census = merged(shards, out=folder, overwrite=overwrite, progress=not quiet)
    show_census(census, folder, quiet=quiet, long=long)
