"""The flags of `layercensus see`, by what they are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from cyclopts import Group, Parameter

from .parameters import INTEGER, RUN, Device, Out, Overwrite, Quiet, Replicas, Resume, Seed, SkipBad, option

AUTO = "auto"


@Parameter(group=Group("Which pictures", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which pictures are made."""

    objective: Annotated[
        str,
        option(
            "KIND",
            "neuron: one position; channel: a whole map; layer; auto: the channel of maps that see much of an image",
        ),
    ] = AUTO
    faces: Annotated[int, INTEGER, option("N", "different pictures of each unit")] = 1
    starts: Annotated[
        int,
        INTEGER,
        option("N", "random images that each begins from; the first is shown, the score says how they agree"),
    ] = 1
    census: Annotated[
        str | None, option("DIR", "a census of this model: pictures of its concepts, into its report")
    ] = None
    each: Annotated[int, INTEGER, option("N", "with --census: concepts a layer")] = 6


@Parameter(group=Group("How they are made", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class Made:
    """How pictures are made; None: as the library has it."""

    preset: Annotated[str | None, option("NAME", "a published method, or all", "visualise/presets:DEFAULT")] = None
    prior: Annotated[str | None, option("FILE", "from `layercensus prior`, for the presets that need one")] = None
    steps: Annotated[int | None, INTEGER, option("N", "of the optimiser; by default the preset's own")] = None
    size: Annotated[int | None, INTEGER, option("PIXELS", "side; by default that of the net's input")] = None
    contrast: Annotated[
        str | None,
        option(
            "X",
            "fraction of the range that a picture takes, natural (as in your images) or free",
            "visualise/options:AUTO",
        ),
    ] = None


@Parameter(group=Group("What they are compared with", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class Compared:
    """What pictures are compared with; None: as the library has it."""

    data: Annotated[str | None, option("DATA", "the same as DATA: colours, examples and scores come from it")] = None
    examples: Annotated[int | None, INTEGER, option("N", "of the data, read", "visualise/options:EXAMPLES")] = None
    top: Annotated[int | None, INTEGER, option("N", "examples shown for each unit", "visualise/options:TOP")] = None
    replica: Replicas = field(default_factory=list)


@Parameter(group=RUN)
@dataclass(frozen=True, kw_only=True)
class Running:
    """How the run goes."""

    out: Out = "layercensus-see"
    overwrite: Overwrite = False
    resume: Resume = False
    batch: Annotated[int | None, INTEGER, option("N", "pictures made at a time")] = None
    skip_bad: SkipBad = 0
    device: Device = None
    seed: Seed = 0
    quiet: Quiet = False
