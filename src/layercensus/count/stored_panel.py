"""One layer's panel from the parts of a count on disk, read into its sorted place: no second copy is ever in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..tally import Panel
from ..tally.panel import ROWS
from .tensor_file import TensorFile

SHARED = ("key", "label", "group")  # rows common to all layers
SAME = {"peak": "mean", "a_peak": "a_mean", "b_peak": "b_mean", "spots": "mean"}  # where a layer has one position


@dataclass(frozen=True)
class PanelPart:
    """The rows of one file that belong to the panel."""

    file: TensorFile
    rows: Tensor  # (chosen,) int64, in the file
    place: Tensor  # (chosen,) int64, among all rows of the panel


def written_once(rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the tensors that repeat the mean, as all three readings of a single position do."""
    return {name: x for name, x in rows.items() if name not in SAME or not _repeats(x, rows[SAME[name]])}


def lacks(file: TensorFile, prefixes: Iterable[str]) -> str | None:
    """The first tensor that a part with the panels of these prefixes should hold and does not; None where it is whole.

    >>> from pathlib import Path
    >>> lacks(TensorFile(Path("part"), {}, {"key": {}}, 0), ["trained|conv|"])
    'label'
    """
    own = [name for name in ROWS if name not in SHARED and name not in SAME]
    needed = [*SHARED, *(prefix + name for prefix in prefixes for name in own)]
    return next((name for name in needed if name not in file.entries), None)


def read_panel(parts: Sequence[PanelPart], prefix: str, capacity: int, spots: int) -> Panel:
    """The panel whose tensors carry this prefix; those that repeat the mean are the mean itself, not to be written to.

    spots: positions that each map is brought to where maps differ in size. Memory: the panel, and one tensor of a part.
    """
    found: dict[str, Tensor] = {}
    for name in ROWS:
        stored = name if name in SHARED else prefix + name
        if name in SAME and not any(stored in part.file.entries for part in parts):
            mean = found[SAME[name]]
            found[name] = mean.unsqueeze(1) if name == "spots" else mean
        else:
            found[name] = _sorted(parts, stored, name, spots)
    return Panel(torch.tensor(capacity), **found).that_reached()


def shared_of(parts: Sequence[PanelPart], name: str) -> Tensor:
    """(examples,) int64, what all layers share of the panel: one of SHARED."""
    return _sorted(parts, name, name, 1) if parts else torch.zeros(0, dtype=torch.int64)


def _sorted(parts: Sequence[PanelPart], stored: str, name: str, spots: int) -> Tensor:
    out = torch.zeros(0)
    positions = {_positions(part, stored) for part in parts} if name == "spots" else set()
    for part in parts:
        rows = _rows(part, stored, name)
        if len(positions) > 1:
            rows = rows[:, torch.arange(spots) * rows.shape[1] // spots]
        if part is parts[0]:
            out = torch.empty((sum(len(each.place) for each in parts), *rows.shape[1:]), dtype=rows.dtype)
        out[part.place] = rows
    return out


def _rows(part: PanelPart, stored: str, name: str) -> Tensor:
    """The rows of a part; those of its mean where the tensor repeats it."""
    if name not in SAME or stored in part.file.entries:
        return part.file.read([stored], part.rows)[stored]
    mean = stored.removesuffix(name) + SAME[name]
    rows = part.file.read([mean], part.rows)[mean]
    return rows.unsqueeze(1) if name == "spots" else rows


def _positions(part: PanelPart, stored: str) -> int:
    return int(part.file.entries[stored]["shape"][1]) if stored in part.file.entries else 1


def _repeats(x: Tensor, mean: Tensor) -> bool:
    return x.numel() == mean.numel() and torch.equal(x.view(mean.shape), mean)
