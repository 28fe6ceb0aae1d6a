"""A timeline from the checkpoints of training runs: full censuses, and how soon each layer is what it will be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..models.model import Model
from ..progress import tqdm
from ..settings import Settings
from ..take import take
from .checkpoints import Factory, opened, runs_of
from .columns import COLUMNS
from .entry import Entry, LayerInfo
from .kept import Kept


@dataclass(frozen=True)
class Counting:
    """How the checkpoints are counted. layers, seed: as of `lc.take`. panel: examples at most.

    >>> Counting(layers="act.*", panel=256).seed
    0
    """

    layers: str | Sequence[str] | None = None
    panel: int = 512
    seed: int = 0
    progress: bool = True

    @property
    def settings(self) -> Settings:
        """Of each census."""
        return Settings(
            panel=self.panel, needed="all", other_views=False, pictures=0, resamples=20, progress=False,
        )  # fmt: skip


def over_runs(
    folders: Sequence[str | Path], data: Any, model: Factory, counting: Counting, out: str | Path | None, resume: bool
) -> Kept:
    """Count every step that all runs have; what a folder `out` holds already is not counted again.

    Cost: a step takes a census with the other runs as replicas, and a smaller one beside the first run's last step.

    Raises:
        CensusError: as for `runs_of`, `opened` and `lc.take`.
    """
    runs, steps = runs_of(folders)
    last = opened(model, runs[0].files[steps[-1]])
    about = {
        "model": last.name, "data": str(data) if isinstance(data, str) else "data",
        "examples": counting.panel, "runs": [run.folder.name for run in runs], "panel": f"{counting.panel} of the data",
    }  # fmt: skip
    census = _Census(data, counting)
    end = census.alone(last)
    kept = Kept.start(about, tuple(_infos(end)), out, resume)
    known = {entry.step for entry in kept.entries}
    for step in tqdm(steps, desc="counting checkpoints", unit="step", disable=not counting.progress):
        if step not in known:
            nets = [opened(model, run.files[step]) for run in runs]
            kept.add(_entry(nets, step, last, end, census))
    return kept


@dataclass(frozen=True)
class _Census:
    """Counts layers of nets as asked."""

    data: Any
    counting: Counting

    def alone(self, net: Model, *replicas: Model) -> pd.DataFrame:
        """The layers of a net, without untrained ones."""
        return self._take(net, replicas, twin=False)

    def beside(self, net: Model, *replicas: Model) -> pd.DataFrame:
        """The same beside untrained nets, which tell what was learned."""
        return self._take(net, replicas, twin=True)

    def _take(self, net: Model, replicas: Sequence[Model], *, twin: bool) -> pd.DataFrame:
        asked = self.counting
        return take(
            net, self.data, replicas=replicas, twin=twin, layers=asked.layers, seed=asked.seed,
            settings=asked.settings,
        ).layers  # fmt: skip


def _entry(nets: Sequence[Model], step: int, last: Model, end: pd.DataFrame, census: _Census) -> Entry:
    """The first run's layers at a step, the others its replicas; and how much of what the last step needs is there."""
    one, *others = nets
    rows = census.alone(one, last)
    known = rows.set_index("layer")["shared"] / end.set_index("layer")["needed"].clip(lower=1)
    settled = {str(layer): float(value) for layer, value in known.clip(upper=1).dropna().items()}
    if others:
        rows = census.beside(one, *others)
    return Entry(step, {str(row["layer"]): _row(row, settled) for _, row in rows.iterrows()})


def _infos(layers: pd.DataFrame) -> Iterator[LayerInfo]:
    for _, row in layers.iterrows():
        yield LayerInfo(str(row["layer"]), int(row["width"]), str(row["role"]), str(row["kind"]))


def _row(row: Any, settled: Mapping[str, float]) -> dict[str, Any]:
    """The columns of one layer at one step, as JSON."""
    plain = {name: row[name] for name in COLUMNS if name in row.index and not pd.isna(row[name])}
    found = {name: value if isinstance(value, str) else float(value) for name, value in plain.items()}
    if not pd.isna(row["live"]):
        found["dead"] = int(row["width"] - row["live"])
    if "reliable" in found:
        found["unreliable"] = int(row["live"] - row["reliable"])
    return found | ({"settled": settled[str(row["layer"])]} if str(row["layer"]) in settled else {})
