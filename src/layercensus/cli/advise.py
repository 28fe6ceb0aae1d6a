"""layercensus advise: what to prune, compress, remove, probe and freeze, each measured on held-out examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from .open import model_of
from .parameters import FLAT, RUN, DataName, Device, ModelName, Size

ADVISED = Group("What is advised", sort_key=2)
EXAMPLES = """Examples:
  layercensus advise results digits digits
  layercensus advise results digits digits --parts prune --fidelity 0.9
  layercensus advise results my_package.nets:make npz:x.npz --out advice
  layercensus advise results hf:encoder text:lines.txt --engine torch_pruning"""


@Parameter(group=ADVISED)
@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for."""

    parts: Annotated[
        list[str] | None,
        Parameter(
            metavar="PART",
            help="prune, compress, remove, probe, freeze (several times: several parts); all by default",
        ),
    ] = None
    fidelity: Annotated[
        list[float] | None,
        Parameter(
            metavar="F", help="fraction of the answers' variance to keep (several times); 0.99 and 0.95 by default"
        ),
    ] = None
    engine: Annotated[
        str,
        Parameter(metavar="NAME", help="what makes smaller nets: own, or torch_pruning for any net", show_default=True),
    ] = "own"


def advise(
    census: Annotated[str, Parameter(metavar="CENSUS", help="folder of a saved census")],
    model: ModelName,
    data: DataName,
    /,
    *,
    wanted: Annotated[Wanted, FLAT] = Wanted(),
    size: Size = None,
    out: Annotated[
        str | None, Parameter(metavar="DIR", help="also write tables, masks and nets that run into DIR", group=RUN)
    ] = None,
    device: Device = None,
) -> None:
    """Advise what to prune, compress, remove, probe and freeze, each measured."""
    from ..census.census import load

    counted = load(census)
    advice = counted.advise(
        model_of(model, size), data, parts=wanted.parts, fidelity=wanted.fidelity or (0.99, 0.95),
        engine=wanted.engine, device=device,
    )  # fmt: skip
    print(advice)
    if out is not None:
        print(f"\nwritten: {advice.save(out)}")
