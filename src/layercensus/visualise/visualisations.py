"""What `see` returns: optimised images with their scores, and the examples that stand beside them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .input_space import InputSpace
from .score import Score


@dataclass(frozen=True)
class TopExample:
    """One example of the data to which an objective's unit responds strongly.

    by: "mean" or "peak" of the map, or "value" where the objective is not about one unit. drivers: tokens or columns
    that the response hangs on most, with the fraction of it that is lost without them.
    """

    id: str
    by: str
    response: float
    window: tuple[tuple[int, int], ...] = ()  # what the peak's position can see; () where that is not known
    image: Tensor | None = None  # (channels, height, width) in 0..1
    words: tuple[str, ...] = ()
    peak: int = -1  # which word has the peak
    place: str = ""  # which token of a vision transformer has it, in words
    drivers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Visualisation:
    """One objective's optimised image, or one face of it. image is None where none can be made, score then too."""

    target: str  # the objective of the whole group of faces
    objective: str
    layer: str
    unit: int | None
    face: int
    faces: int
    image: Tensor | None  # (channels, height, width) in 0..1
    score: Score | None
    window: tuple[tuple[int, int], ...] = ()  # what the peak's position sees of the image; () where that is not known
    contrast: float | str | None = None  # fraction of the range that it was stretched to; "natural"; None: free
    top_examples: tuple[TopExample, ...] = ()


@dataclass(frozen=True)
class Visualisations:
    """Everything that one call of `see` gives, in the order of its objectives.

    missing: why there are no images, where the net takes none. interrupted: not all objectives were reached.
    about: how the images were optimised, as JSON. findings: what to know of the layers, a line each.
    """

    entries: tuple[Visualisation, ...]
    space: InputSpace | None
    about: dict[str, Any] = field(default_factory=dict)
    missing: str = ""
    interrupted: bool = False
    findings: tuple[str, ...] = ()

    @property
    def images(self) -> Tensor:
        """(images, channels, height, width) in 0..1."""
        images = [entry.image for entry in self.entries if entry.image is not None]
        return torch.stack(images) if images else torch.zeros(0)

    @property
    def inputs(self) -> Tensor:
        """The images as the net takes them."""
        return self.images if self.space is None else self.space.to_net(self.images)

    @property
    def scores(self) -> pd.DataFrame:
        """A row for each image: objective, layer, unit, face and the score's numbers; NA where one is not known."""
        names = [f.name for f in fields(Score)]
        rows = [
            {"objective": entry.objective, "layer": entry.layer, "unit": entry.unit, "face": entry.face}
            | {"contrast": _contrast(entry.contrast)}
            | (dict.fromkeys(names) if entry.score is None else asdict(entry.score))
            for entry in self.entries
        ]
        table = pd.DataFrame(rows, columns=["objective", "layer", "unit", "face", "contrast", *names])
        numbers = [name for name in names if name not in ("status", "note", "examples")]
        table[numbers] = table[numbers].astype("Float64")
        return table.astype({"unit": "Int64", "examples": "Int64"})

    @property
    def failed(self) -> tuple[Visualisation, ...]:
        """Those whose images say nothing, with the reason in score.status."""
        return tuple(entry for entry in self.entries if entry.score is not None and entry.score.status)


def _contrast(contrast: float | str | None) -> str:
    return "free" if contrast is None else contrast if isinstance(contrast, str) else f"{contrast:g}"


def shown(image: Tensor) -> Image.Image:
    """An image (channels, height, width) of 0..1 for people: grey, colour, or the mean of other channels."""
    return Image.fromarray(_pixels(image))


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    """(height, width) or (height, width, 3) of 0..255."""
    x = image if image.shape[0] in (1, 3) else image.mean(0, keepdim=True)
    pixels = (x.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return np.asarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
