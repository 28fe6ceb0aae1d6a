"""layercensus prior: the learned prior that two ways of making pictures need."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ..settings import Integer, check_seed
from .open import model_of, sized
from .parameters import INTEGER, DataName, Quiet, Seed, Size, SkipBad

EXAMPLES = """Examples:
  layercensus prior images:photographs --size 64 --out photographs.safetensors
  layercensus prior digits --out prior.safetensors
  layercensus see digits act.5:7 --preset nguyen2016 --prior prior.safetensors"""


def prior(
    data: DataName,
    /,
    *,
    model: Annotated[
        str | None, Parameter(metavar="MODEL", help="the model that the pictures are for: how it wants its inputs")
    ] = None,
    size: Size = None,
    out: Annotated[str, Parameter(metavar="FILE", help="file for the prior")] = "prior.safetensors",
    steps: Annotated[int, INTEGER, Parameter(metavar="N", help="of training")] = 1500,
    skip_bad: SkipBad = 0,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train the learned prior that two ways of making pictures need."""
    from ..data.open import open_data
    from ..visualise.priors import train_prior

    Integer(1)("steps", steps)
    prepare = model_of(model).prepare if model else None
    prepare = prepare if size is None else sized(prepare, size)
    source = open_data(data, prepare=prepare, limit_bad=skip_bad)
    trained = train_prior(source, seed=check_seed(seed), steps=steps, progress=not quiet)
    trained.save(out)
    print(f"{out}: {trained.about['unexplained']:.0%} of the images' variance is not in the prior's pictures")
