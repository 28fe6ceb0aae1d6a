"""One reading taken within the budget: first what one pass says, then the dearer parts where they are affordable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from ..errors import CensusError, NotFiniteError
from ..layers.device import device_of
from .budget import Budget
from .entry import Entry
from .recorder import Recorder, Row, read_activity, read_needed, read_units, untouched


@dataclass
class Taken:
    """What a reading gave."""

    rows: dict[str, Row] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)  # why a part could not be read
    not_finite: str | None = None  # the first layer whose activations are NaN or inf

    def add(self, rows: Mapping[str, Row]) -> None:
        """More columns; a column without a value is left out."""
        for layer, row in rows.items():
            known = {name: value for name, value in row.items() if value is not None}
            self.rows[layer] = self.rows.get(layer, {}) | known


def take(recorder: Recorder, budget: Budget, before: Sequence[Entry], needed_every: int) -> Taken:
    """A reading of the net as it is now. before: the entries until now, which say whether `needed` is due."""
    taken = Taken()
    with untouched(recorder.net.net):
        read = None
        with _part(recorder, budget, "activity", taken):
            rows, read = read_activity(recorder)
            taken.add(rows)
        if read is None:
            return taken
        if budget.affords("units"):
            with _part(recorder, budget, "units", taken):
                taken.add(read_units(recorder, read))
        if _due(before, needed_every) and budget.affords("needed"):
            with _part(recorder, budget, "needed", taken):
                taken.add(read_needed(recorder, read))
    return taken


@contextmanager
def _part(recorder: Recorder, budget: Budget, name: str, taken: Taken) -> Iterator[None]:
    """Pays for a part; what cannot be read is noted, since a training run must not end for it."""
    device = device_of(recorder.net.net)
    if device.type == "cuda":  # what the training has queued is not this reading's
        torch.cuda.synchronize(device)
    try:
        with budget.paying(name):
            yield
    except NotFiniteError as error:
        taken.not_finite = error.layer
    except CensusError as error:
        taken.failed.append(f"{name}: {error}")


def _due(before: Sequence[Entry], every: int) -> bool:
    """Whether so many readings have passed since `needed` was counted."""
    known = [any("needed" in row for row in entry.rows.values()) for entry in before]
    return every == 1 or not any(known[1 - every :])
