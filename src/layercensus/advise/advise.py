"""From a census, its model and its data to advice: the whole way in one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from torch import Tensor, nn

from ..census.record import CensusRecord
from ..errors import CensusError
from ..intervene.answers import Choice
from ..layers.torch_state import neutral
from .advice import Advice
from .compressing import Compressing, compress
from .item import Withheld, table_of_all, table_of_items, table_of_withheld
from .measured import Measured
from .panel import open_panel
from .prune import Pruning, prune

FIDELITIES = (0.99, 0.95)
PARTS = ("prune", "compress")
ENGINES = ("own", "torch_pruning")


@neutral()
def advise(
    census: CensusRecord,
    model: Any,
    data: Any,
    *,
    parts: Sequence[str] = PARTS,
    fidelity: Sequence[float] = FIDELITIES,
    labels: Any = None,
    output: Choice = None,
    engine: str = "own",
) -> Advice:
    """See `Census.advise`."""
    _check(parts, fidelity, engine)
    measured = Measured.of(open_panel(census, model, data, labels=labels, output=output))
    pruning = prune(measured, census.units, fidelity, engine) if "prune" in parts else None
    thin = compress(measured, fidelity) if "compress" in parts else None
    withheld = [one for part in (pruning, thin) if part is not None for one in part.withheld]
    return _advice(pruning, thin, withheld)


def _advice(pruning: Pruning | None, thin: Compressing | None, withheld: Sequence[Withheld]) -> Advice:
    done = [part for part in (pruning, thin) if part is not None]
    nets: dict[tuple[str, float], nn.Module] = {}
    for name, part in (("prune", pruning), ("compress", thin)):
        nets |= {} if part is None else {(name, asked): net for asked, net in part.nets.items()}
    return Advice(
        table_of_items(pruning.items if pruning else ()),
        pruning.why if pruning else pd.DataFrame(),
        table_of_items(thin.items if thin else ()),
        table_of_all([one for part in done for one in part.together]),
        table_of_withheld(withheld),
        {} if thin is None else thin.ranks,
        {} if pruning is None else _stays(pruning.masks),
        {} if pruning is None else _stays(pruning.applied),
        nets,
    )  # fmt: skip


def _stays(masks: Mapping[float, Mapping[str, Any]]) -> dict[float, dict[str, Tensor]]:
    return {asked: {name: mask.stays.cpu() for name, mask in by.items()} for asked, by in masks.items()}


def _check(parts: Sequence[str], fidelity: Sequence[float], engine: str) -> None:
    unknown = [part for part in parts if part not in PARTS]
    if isinstance(parts, str) or unknown:
        raise CensusError(f"parts must be a list of {', '.join(PARTS)}. Got {parts!r}.")
    if not fidelity or not all(0 < asked < 1 for asked in fidelity):
        raise CensusError(f"fidelity must be a list of numbers between 0 and 1. Got {fidelity!r}.")
    if engine not in ENGINES:
        raise CensusError(f"engine must be one of {', '.join(ENGINES)}. Got {engine!r}.")
