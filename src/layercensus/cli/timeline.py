"""layercensus timeline: what each layer held, needed and learned at every checkpoint of finished training runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import CensusError
from .interrupt import kept
from .parameters import INTEGER, RUN, Quiet, Resume, Seed

EXAMPLES = """Examples:
  layercensus timeline run1 run2 run3 digits --model my_package.nets:make
  layercensus timeline trainer_output text:sentences.txt --out over_time
  layercensus timeline run1 digits --model my_package.nets:make --resume"""


def timeline(
    *names: Annotated[str, Parameter(metavar="DIR... DATA", help="folders of checkpoints, one a run, then the data")],
    model: Annotated[
        str | None,
        Parameter(
            metavar="NAME", help="module:factory of the net; folders of transformers need none", show_default=False
        ),
    ] = None,
    layers: Annotated[
        list[str] | None, Parameter(metavar="GLOB", help="layers to count (several times: several globs)")
    ] = None,
    panel: Annotated[int, INTEGER, Parameter(metavar="N", help="examples that every checkpoint is counted on")] = 512,
    out: Annotated[str, Parameter(metavar="DIR", help="results folder", group=RUN)] = "timeline",
    seed: Seed = 0,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Count the checkpoints of training runs over their steps."""
    from ..watch import Counting, Timeline

    if len(names) < 2:
        raise CensusError("timeline takes at least one folder of checkpoints, and then the data: DIR... DATA.")
    *folders, data = names
    counting = Counting(layers, panel, seed, not quiet)
    with kept("counted", out):
        found = Timeline.of_checkpoints(folders, data, model=model, counting=counting, out=out, resume=resume)
    print(found)
    print(f"\nreport: {found.report(Path(out) / 'report')}")
