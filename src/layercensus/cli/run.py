"""layercensus run: count a model on data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from ..errors import CensusError
from ..settings import Settings, check_seed
from .interrupt import kept
from .open import model_of
from .parameters import FLAT, INTEGER, RUN, DataName, Long, ModelName, Out, Replicas, Seed, Size
from .setting_flags import SettingFlags, settings_of
from .show import show_census

if TYPE_CHECKING:  # heavy to import
    from ..census.census import Census
    from ..models.model import Model

COUNTED = Group("What is counted", sort_key=2)
EXAMPLES = """Examples:
  layercensus run my_package.nets:make images:photographs --out results
  layercensus run hf:encoder text:sentences.txt --out results --dimension
  layercensus run digits digits --layers 'act*' --layers out --out results
  layercensus run digits digits --out results --resume
  layercensus run hf:encoder text:lines.txt --groups sources.txt --out results
  layercensus run digits digits --concepts labels --concepts plain --out results
  layercensus run digits digits --shard 1/4 --out part1"""


@Parameter(group=RUN)
@dataclass(frozen=True, kw_only=True)
class Engine:
    """Who counts, and how far."""

    engine: Annotated[
        str | None,
        Parameter(metavar="NAME", help="ray: shards counted by its workers, and merged; torchrun is seen by itself"),
    ] = None
    shards: Annotated[
        int, INTEGER, Parameter(metavar="N", help="with --engine: shards of the data", show_default=True)
    ] = 2
    gpus: Annotated[float, Parameter(metavar="X", help="with --engine: GPUs of each shard", show_default=False)] = 0.0
    long: Long = False
    no_report: Annotated[
        bool, Parameter(help="without the page, which `layercensus report DIR` draws later", show_default=False)
    ] = False


@Parameter(group=COUNTED)
@dataclass(frozen=True, kw_only=True)
class Counted:
    """What is counted beside the model and the data."""

    layers: Annotated[
        list[str] | None, Parameter(metavar="GLOB", help="layers to count (several times: several globs)")
    ] = None
    no_twin: Annotated[bool, Parameter(help="count without the untrained twin", show_default=False)] = False
    replica: Replicas = field(default_factory=list)
    size: Size = None
    concepts: Annotated[
        list[str] | None,
        Parameter(
            metavar="SET",
            help="named concepts to look for: labels, plain, folders, alpha, masks:FOLDER, tags:FILE or FILE.csv "
            "(several times: several sets)",
        ),
    ] = None
    groups: Annotated[
        str | None,
        Parameter(metavar="FILE", help="a line for each example: the source it comes from; or an entry of the data"),
    ] = None
    strength: Annotated[
        float | None, Parameter(metavar="X", help="strength of the perturbed views; 1 is the usual one")
    ] = None


def lines_of(file: Path) -> list[str] | str:
    """The lines of a text file, one for each example; an empty one names no group. What is no file is a name."""
    try:
        if not file.exists() and file.parent == Path():
            return str(file)
        return file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise CensusError(f"--groups must be a text file with a line for each example. Got {file}.") from None


def run(
    model: ModelName,
    data: DataName,
    /,
    *,
    out: Out,
    seed: Seed = 0,
    counted: Annotated[Counted, FLAT] = Counted(),
    settings: Annotated[SettingFlags, FLAT] = SettingFlags(),  # noqa: B008 - frozen
    engine: Annotated[Engine, FLAT] = Engine(),
) -> None:
    """Count a model on data."""
    from ..engine.ranks import own_device, ranks, under_torchrun
    from ..layers.device import GPUS, asked_device, is_there

    chosen, folder = settings_of(settings, out=out), Path(out)
    check_seed(seed)
    spread = under_torchrun()
    chosen = replace(chosen, device=own_device(chosen.device)) if spread else chosen
    if asked_device(chosen.device) is None and any(map(is_there, GPUS)):
        print("a GPU is here: --device auto counts on it")
    groups = None if counted.groups is None else lines_of(Path(counted.groups))
    opened = model_of(model, counted.size)
    with kept("counted", folder):
        census = _counted(opened, data, counted, groups, seed=seed, settings=chosen, engine=engine)
    if spread and ranks()[0] > 0:
        return
    if chosen.shard is None:
        show_census(census, folder, quiet=not chosen.progress, report=not engine.no_report, long=engine.long)
    else:
        print(f"shard {settings.shard} is counted: {census.about['examples']:,} examples, kept in {folder}")
        print("when all shards are: layercensus merge SHARD ... --out DIR")


def _counted(
    model: Model, data: str, counted: Counted, groups: list[str] | str | None, *, seed: int, settings: Settings,
    engine: Engine,
) -> Census:  # fmt: skip
    """The census, counted here or in shards."""
    from ..engine import in_shards
    from ..engine.ranks import under_torchrun
    from ..take import take

    own = partial(
        take, model, data, layers=counted.layers, twin=not counted.no_twin, replicas=counted.replica,
        concepts=counted.concepts, groups=groups, views=counted.strength, seed=seed,
    )  # fmt: skip
    who = "torchrun" if under_torchrun() else engine.engine
    if who is None:
        return own(settings=settings)
    return in_shards(own, settings, engine=who, shards=engine.shards, gpus=engine.gpus)
