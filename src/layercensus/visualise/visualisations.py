"""What `see` returns: pictures with their scores, and the examples that stand beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .input_space import Palette
from .score import Score


@dataclass(frozen=True)
class Top:
    """One example of the data to which an objective's unit responds strongly.

    by: "mean" or "peak" of the map, or "value" where the objective is not about one unit. drivers: tokens or columns
    that the response hangs on most, with the share of it that is lost without them.
    """

    id: str
    by: str
    response: float
    window: tuple[tuple[int, int], ...] = ()  # what the peak's position can see; () where that is not known
    picture: Tensor | None = None  # (channels, height, width) in 0..1
    words: tuple[str, ...] = ()
    peak: int = -1  # which word has the peak
    drivers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Sight:
    """One objective's picture, or one face of it. picture is None where none can be made, score then too."""

    wanted: str  # the objective of the whole group of faces
    objective: str
    layer: str
    unit: int | None
    face: int
    faces: int
    picture: Tensor | None  # (channels, height, width) in 0..1
    score: Score | None
    window: tuple[tuple[int, int], ...] = ()  # what the peak's position sees of the picture; () where that is not known
    contrast: float | None = None  # share of the range that the picture was stretched to; None: it was free
    tops: tuple[Top, ...] = ()


@dataclass(frozen=True)
class Pictures:
    """Everything that one call made, in the order of its objectives.

    missing: why there are no pictures, where the net takes no images. interrupted: not all objectives were reached.
    about: how they were made, as JSON.
    """

    sights: tuple[Sight, ...]
    palette: Palette | None
    about: dict[str, Any] = field(default_factory=dict)
    missing: str = ""
    interrupted: bool = False

    @property
    def pictures(self) -> Tensor:
        """(pictures, channels, height, width) in 0..1."""
        found = [sight.picture for sight in self.sights if sight.picture is not None]
        return torch.stack(found) if found else torch.zeros(0)

    @property
    def inputs(self) -> Tensor:
        """The pictures as the net takes them."""
        return self.pictures if self.palette is None else self.palette.to_net(self.pictures)

    @property
    def scores(self) -> pd.DataFrame:
        """A row for each picture: objective, layer, unit, face and the score's numbers; NA where one is not known."""
        names = [f.name for f in fields(Score)]
        rows = [
            {"objective": s.objective, "layer": s.layer, "unit": s.unit, "face": s.face}
            | {"contrast": "free" if s.contrast is None else f"{s.contrast:g}"}
            | (dict.fromkeys(names) if s.score is None else asdict(s.score))
            for s in self.sights
        ]
        table = pd.DataFrame(rows, columns=["objective", "layer", "unit", "face", "contrast", *names])
        numbers = [n for n in names if n not in ("status", "examples")]
        table[numbers] = table[numbers].astype("Float64")
        return table.astype({"unit": "Int64", "examples": "Int64"})

    @property
    def failed(self) -> tuple[Sight, ...]:
        """Those whose pictures say nothing, with the reason in score.status."""
        return tuple(sight for sight in self.sights if sight.score is not None and sight.score.status)


def shown(picture: Tensor) -> Image.Image:
    """A picture (channels, height, width) of 0..1 for people: grey, colour, or the mean of other channels."""
    return Image.fromarray(bytes_of(picture))


def bytes_of(picture: Tensor) -> NDArray[np.uint8]:
    """(height, width) or (height, width, 3) of 0..255."""
    x = picture if picture.shape[0] in (1, 3) else picture.mean(0, keepdim=True)
    pixels = (x.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return np.asarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def of_unit(sights: Sequence[Sight]) -> dict[tuple[str, int], Sight]:
    """By layer and unit."""
    return {(s.layer, s.unit): s for s in sights if s.unit is not None}
