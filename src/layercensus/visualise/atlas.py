"""An activation atlas (Carter et al. 2019): a map of what a layer tells apart in the user's own examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.open import open_data
from ..data.user_code import user_code_in
from ..errors import CensusError
from ..layers.device import asked_device, on_device
from ..layers.net import unwrap
from ..layers.torch_state import as_called, neutral
from ..models.model import Model
from ..models.open import open_model
from ..settings import Integer
from .images import visualise
from .objective import Objective
from .objective_values import resolved
from .objectives import layer
from .options import SeeOptions
from .projection import PCA, projected
from .score import Score
from .see import subject_of
from .subject import Subject
from .terms import Term

LEAST = 2  # examples that a cell must hold to get an image
SHOWN = 8  # examples kept of each cell
STEPS = 256


@dataclass(frozen=True)
class Cell:
    """One field of the grid: the examples that lie in it, and an image of what the layer says of them on average."""

    row: int
    column: int
    count: int  # examples
    examples: tuple[str, ...]  # ids of at most SHOWN, the one nearest to their average first
    pictures: tuple[Tensor, ...]  # these examples, (channels, height, width) in 0..1
    image: Tensor | None  # (channels, height, width) in 0..1; None where it was not reached
    score: Score | None


@dataclass(frozen=True)
class Atlas:
    """The map of one layer.

    cells: those with at least LEAST examples, row by row from the top. at: (examples, 2) places on the map, x then y,
    each from 0 to 1. explained: the fraction of the variance that the map shows, for PCA. interrupted: not all images
    were made. about: how it was made, as JSON.

    >>> two = Atlas("conv", 1, (), ("a", "b"), np.zeros((2, 2)), None)  # two examples, neither in a cell with an image
    >>> two.alone
    2
    """

    layer: str
    side: int  # cells along each axis
    cells: tuple[Cell, ...]
    ids: tuple[str, ...]
    at: NDArray[np.float64]
    explained: float | None
    about: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def alone(self) -> int:
        """Examples in cells with fewer than LEAST."""
        return len(self.ids) - sum(cell.count for cell in self.cells)


@neutral()
@user_code_in(as_called)
def atlas(
    model: nn.Module | Model | str,
    layer: str,
    data: Any,
    *,
    side: int = 8,
    map: str = PCA,
    device: str | None = None,
    options: SeeOptions | None = None,
) -> Atlas:
    """A map of a layer: similar examples lie near each other, and each cell has an image of their average direction.

    Every example is the vector of its spatial means. A cell's image is optimised to lie far from the average of all
    examples and in the direction of the average of the cell's own, each unit in its standard deviation over all
    examples: what tells these examples from the others.

    model, data, device: as for `see`. layer: its name. side: cells along each axis. map: "pca", or "umap" where
    umap-learn is installed. options: as for `see`; steps are STEPS where none are named, `examples` how many are read.

    An interrupt (Ctrl-C) returns the cells that are finished, marked as interrupted.

    Raises:
        CensusError: the net takes no images; no such layer; fewer than two examples; umap-learn is missing.

    >>> import layercensus as lc
    >>> quick = lc.SeeOptions(steps=2, examples=40, progress=False)
    >>> drawn = lc.atlas("layercensus.models.digits:factory", "act.5", "digits", side=2, options=quick)
    >>> sum(cell.count for cell in drawn.cells) + drawn.alone
    40
    """
    asked = options or SeeOptions()
    asked = replace(asked, steps=asked.steps or STEPS, faces=1, top=0)
    there, opened = asked_device(device), open_model(model)
    source = open_data(data, prepare=opened.prepare)
    with on_device([unwrap(opened.net)], there):
        return atlas_of(subject_of(opened, source, asked), layer, asked, side=side, map=map)


def atlas_of(subject: Subject, name: str, options: SeeOptions, *, side: int = 8, map: str = PCA) -> Atlas:
    """The map of a layer of a subject, see `atlas`."""
    if subject.space is None:
        raise CensusError(f"An atlas is made of images. {subject.missing}")
    side = Integer(2)("side", side)
    (whole,) = resolved([layer(name)], subject.net, subject.layers)
    means = subject.means(whole.layer, 0).astype(np.float64)
    if len(means) < 2:
        raise CensusError(f"An atlas needs at least two examples. Got {len(means)}.")
    at, explained = projected(means, map, options.seed)
    places = [at_rows for at_rows in _cells(at, side) if len(at_rows[1]) >= LEAST]
    objectives = [_towards(whole.layer, means, rows, place) for place, rows in places]
    made = visualise(subject, objectives, options) if objectives else None
    entries = {} if made is None else {entry.target: entry for entry in made.entries}
    ids = tuple(id for batch in subject.batches for id in batch.ids)
    cells = []
    for (place, rows), objective in zip(places, objectives, strict=True):
        entry, near = entries.get(objective.name), _nearest(means, rows)[:SHOWN]
        cells.append(
            Cell(
                *place, len(rows), tuple(ids[row] for row in near), tuple(subject.best(near)),
                None if entry is None else entry.image, None if entry is None else entry.score,
            )
        )  # fmt: skip
    about = ({} if made is None else made.about) | {"map": map, "side": side, "layer": whole.layer}
    interrupted = made is not None and made.interrupted
    return Atlas(whole.layer, side, tuple(cells), ids, at, explained, about, interrupted)


def _cells(at: NDArray[np.float64], side: int) -> list[tuple[tuple[int, int], NDArray[np.int64]]]:
    """Each cell (row, column) that holds examples, with their rows; y grows upwards."""
    index = np.minimum((at * side).astype(int), side - 1)
    numbers = (side - 1 - index[:, 1]) * side + index[:, 0]
    return [((int(n) // side, int(n) % side), np.flatnonzero(numbers == n)) for n in np.unique(numbers)]


def _towards(name: str, means: NDArray[np.float64], rows: NDArray[np.int64], place: tuple[int, int]) -> Objective:
    """How far a response lies towards a cell's examples, seen from the average of all: dot product x cosine.

    Each unit is measured in its standard deviation over all examples. A cosine below .1 counts as .1.
    """
    variance = means.var(0)
    scale = torch.from_numpy(np.sqrt(variance + 0.1 * max(float(variance.mean()), 1e-30))).float()
    middle = torch.from_numpy(means.mean(0)).float()
    apart = torch.from_numpy(means[rows].mean(0)).float() - middle
    way = apart / scale / (apart / scale).norm().clamp(min=1e-12)

    def read(x: Tensor) -> Tensor:
        mean = x.flatten(2).mean(2) if x.ndim > 2 else x
        away = (mean - middle.to(x.device, x.dtype)) / scale.to(x.device, x.dtype)
        dot = away @ way.to(x.device, x.dtype)
        value: Tensor = dot * (dot / away.norm(dim=1).clamp(min=1e-12)).clamp(min=0.1)
        return value

    text = f"{name} cell {place[0]}, {place[1]}"
    return Objective((Term(name, text, read, read),), (1.0,), text)


def _nearest(means: NDArray[np.float64], rows: Sequence[int] | NDArray[np.int64]) -> list[int]:
    """The rows, the one nearest to their average first."""
    own = means[np.asarray(rows)]
    distance = ((own - own.mean(0)) ** 2).sum(1)
    return [int(rows[i]) for i in np.argsort(distance, kind="stable")]
