"""layercensus merge: one census of the counted shards of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import CensusError
from .parameters import Out, Quiet
from .show import show_census

EXAMPLES = """Examples:
  layercensus merge part1 part2 part3 part4 --out results"""


def merge(
    *shards: Annotated[str, Parameter(metavar="SHARD", help="results folder of each shard")],
    out: Out,
    quiet: Quiet = False,
) -> None:
    """Make one census of the counted shards of a data set."""
    folder = Path(out)
    if (folder / "census.json").exists():
        raise CensusError(f"{folder} already holds a census. Pass another --out.")
    from ..census.merge import merge as merged

    show_census(merged(shards, out=folder, progress=not quiet), folder, quiet=quiet)
