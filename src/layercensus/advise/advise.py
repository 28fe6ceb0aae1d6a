"""From a census, its model and its data to advice: the whole way in one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import pandas as pd
from torch import Tensor, nn

from ..census.record import CensusRecord
from ..data.batch import moved
from ..data.user_code import user_code_in
from ..errors import CensusError
from ..intervene.answers import Choice
from ..layers.device import asked_device, device_of, on_device
from ..layers.net import unwrap
from ..layers.torch_state import as_called, neutral
from ..models.open import open_model
from .advice import Advice
from .branches import REMOVE, Removing, remove
from .compressing import Compressing, compress
from .features import features_of
from .freeze import freeze
from .item import Withheld, table_of_all, table_of_items, table_of_withheld
from .measured import Measured
from .panel import Panel, open_panel
from .probe import probe_table
from .prune import Pruning, prune

FIDELITIES = (0.99, 0.95)
PARTS = ("prune", "compress", "remove", "probe", "freeze")
ENGINES = ("own", "torch_pruning")


@dataclass(frozen=True)
class _Done:
    """What the parts that were asked for have given."""

    pruning: Pruning | None
    thin: Compressing | None
    shorter: Removing | None
    probe: pd.DataFrame
    freeze: pd.DataFrame


@dataclass(frozen=True)
class Wanted:
    """What is asked for, as `Census.advise` describes it."""

    parts: Sequence[str] = PARTS
    fidelity: Sequence[float] = FIDELITIES
    labels: Any = None
    output: Choice = None
    engine: str = "own"
    device: str | None = None


@neutral()
@user_code_in(as_called)
def advise(census: CensusRecord, model: Any, data: Any, wanted: Wanted) -> Advice:
    """See `Census.advise`."""
    _check(wanted.parts, wanted.fidelity, wanted.engine)
    there, opened = asked_device(wanted.device), open_model(model)
    home = device_of(unwrap(opened.net))
    with on_device([unwrap(opened.net)], there):
        panel = open_panel(census, opened, data, labels=wanted.labels, output=wanted.output)
        advice = _advised(census, panel, wanted)
    for net in advice._nets.values():
        net.to(home)
    return replace(advice, _example=moved(advice._example, home))


def _advised(census: CensusRecord, panel: Panel, wanted: Wanted) -> Advice:
    measured, withheld, parts = Measured.of(panel), list[Withheld](), wanted.parts
    done = _Done(
        prune(measured, census.units, wanted.fidelity, wanted.engine, withheld) if "prune" in parts else None,
        compress(measured, wanted.fidelity, withheld) if "compress" in parts else None,
        remove(measured, wanted.fidelity, withheld) if REMOVE in parts else None,
        *_probed(measured, census, parts, withheld),
    )
    return _advice(done, withheld, measured)


def _probed(
    measured: Measured, census: CensusRecord, parts: Sequence[str], withheld: list[Withheld]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of what to probe and to freeze."""
    panel = measured.panel
    if not {"probe", "freeze"} & set(parts):
        return pd.DataFrame(), pd.DataFrame()
    fitting, judging = (features_of(panel, panel.net, keys) for keys in (panel.parts.fitting, panel.parts.judging))
    found = probe_table(fitting, judging) if "probe" in parts else None
    if found is None and "probe" in parts:
        why = "a probe needs labels of two classes or more in either half of the panel"
        withheld.append(Withheld("probe", "", why))
    frozen = freeze(panel, census, fitting, judging, withheld) if "freeze" in parts else pd.DataFrame()
    return pd.DataFrame() if found is None else found, frozen


def _advice(done: _Done, withheld: Sequence[Withheld], measured: Measured) -> Advice:
    by_part = {"prune": done.pruning, "compress": done.thin, REMOVE: done.shorter}
    parts = {name: part for name, part in by_part.items() if part is not None}
    nets: dict[tuple[str, float], nn.Module] = {
        (name, asked): net for name, part in parts.items() for asked, net in part.nets.items()
    }
    items = {name: table_of_items(part.items if part else ()) for name, part in by_part.items()}
    pruning, thin = done.pruning, done.thin
    return Advice(
        prune=items["prune"],
        units=pruning.why if pruning else pd.DataFrame(),
        compress=items["compress"],
        remove=items[REMOVE],
        probe=done.probe,
        freeze=done.freeze,
        together=table_of_all([one for part in parts.values() for one in part.together]),
        withheld=table_of_withheld(withheld),
        ranks=thin.ranks if thin else {},
        _masks=_stays(pruning.masks) if pruning else {},
        _cut=_stays(pruning.applied) if pruning else {},
        _makers=pruning.makers if pruning else {},
        _nets=nets,
        _example=measured.panel.example.for_net(measured.panel.net.net),
    )


def _stays(masks: Mapping[float, Mapping[str, Any]]) -> dict[float, dict[str, Tensor]]:
    return {asked: {name: mask.stays.cpu() for name, mask in by.items()} for asked, by in masks.items()}


def _check(parts: Sequence[str], fidelity: Sequence[float], engine: str) -> None:
    if isinstance(parts, str) or not set(parts) <= set(PARTS):
        raise CensusError(f"parts must be a list of some of {', '.join(PARTS)}. Got {parts!r}.")
    sequence = isinstance(fidelity, Sequence) and not isinstance(fidelity, str) and len(fidelity) > 0
    if not sequence or not all(isinstance(asked, Real) and 0 < asked < 1 for asked in fidelity):
        raise CensusError(f"fidelity must be a list of numbers between 0 and 1. Got {fidelity!r}.")
    if engine not in ENGINES:
        raise CensusError(f"engine must be one of {', '.join(ENGINES)}. Got {engine!r}.")
