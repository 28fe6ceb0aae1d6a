"""A timeline from the checkpoints of training runs: full censuses, and how soon each layer is what it will be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from ..settings import Settings
from ..take import take
from .checkpoints import Factory, Run, opened, runs_of
from .columns import COLUMNS
from .entry import Entry, LayerInfo
from .kept import Kept


@dataclass(frozen=True)
class Counting:
    """How the checkpoints are counted. layers, seed: as of `lc.take`. panel: examples at most."""

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
    about = {
        "model": opened(model, runs[0].files[steps[-1]]).name, "data": str(data) if isinstance(data, str) else "data",
        "examples": counting.panel, "runs": [run.folder.name for run in runs], "panel": f"{counting.panel} of the data",
    }  # fmt: skip
    kept: Kept | None = None
    for step in tqdm(steps, desc="counting checkpoints", unit="step", disable=not counting.progress):
        if kept is not None and step in {entry.step for entry in kept.entries}:
            continue
        layers, settled = _counted(runs, step, steps[-1], data, model, counting)
        if kept is None:
            kept = Kept.start(about, tuple(_infos(layers)), out, resume)
            if step in {entry.step for entry in kept.entries}:
                continue
        kept.add(Entry(step, {str(row["layer"]): _row(row, settled) for _, row in layers.iterrows()}))
    assert kept is not None
    return kept


def _counted(
    runs: Sequence[Run], step: int, last: int, data: Any, model: Factory, counting: Counting
) -> tuple[pd.DataFrame, Mapping[str, float]]:
    """The layers of the first run at a step, the others its replicas; how much of what the last step needs is there."""
    one, *others = (opened(model, run.files[step]) for run in runs)
    end = opened(model, runs[0].files[last])
    own = {"layers": counting.layers, "seed": counting.seed, "settings": counting.settings}
    to_end = take(one, data, replicas=[end], twin=False, **own).layers
    at_end = take(end, data, twin=False, **own).layers.set_index("layer")["needed"]
    known = to_end.set_index("layer")["shared"] / at_end.clip(lower=1)
    settled = {str(layer): float(value) for layer, value in known.clip(upper=1).dropna().items()}
    return (take(one, data, replicas=others, **own).layers if others else to_end), settled


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
