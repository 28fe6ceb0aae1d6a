"""Photographs, from a folder that the caller names or from packages, and crops of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor

from ...errors import CensusError

PHOTOS = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
LONGEST = 800  # pixels of a photograph's longer side; larger ones are made smaller
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


@dataclass(frozen=True)
class Photographs:
    """Grey photographs. missing: what was left out, "" for nothing."""

    images: list[Tensor]  # (height, width) float32 0..1
    names: tuple[str, ...]
    missing: str = ""


def photographs(folder: str | Path | None = None) -> Photographs:
    """The images of a folder, or the photographs that scikit-learn and, where it is installed, scikit-image ship.

    Raises:
        CensusError: a folder was named and holds no image.
    """
    if folder is not None:
        paths = files(Path(folder))
        if not paths:
            raise CensusError(f"images must be a folder with images. Got none in {folder}.")
        return Photographs([_grey(opened(file)) for file in paths], tuple(file.name for file in paths))
    sample = load_sample_images()
    images = [_grey(Image.fromarray(image)) for image in sample.images]
    names = tuple(Path(name).name for name in sample.filenames)
    try:
        import skimage
    except ImportError:
        return Photographs(
            images, names, "Photographs of scikit-image were left out: pip install -c constraints.txt -e '.[lab]'"
        )
    shipped = [Path(str(skimage.__file__)).with_name("data") / name for name in PHOTOS]
    shipped = [file for file in shipped if file.is_file()]
    return Photographs([*images, *(_grey(opened(f)) for f in shipped)], (*names, *(f.name for f in shipped)))


def files(folder: Path) -> list[Path]:
    """The image files of a folder, by name; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)


def opened(file: Path) -> Image.Image:
    """The image in the file.

    Raises:
        CensusError: it cannot be read.
    """
    try:
        with Image.open(file) as image:
            image.load()
            return image.copy()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CensusError(f"{file} must be an image. It cannot be read: {error}. Remove it from the folder.") from error


def _grey(image: Image.Image) -> Tensor:
    image = image.convert("L")
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(image).copy()).float().div(255)


@dataclass(frozen=True)
class Crops:
    """Square crops of whitened photographs, each less its mean."""

    images: list[Tensor]  # (height, width) whitened
    side: int
    batch: int

    def __call__(self, generator: torch.Generator) -> Tensor:
        """(batch, 1, side, side), chosen by the generator."""
        squares = torch.stack([self._crop(generator) for _ in range(self.batch)])[:, None]
        return squares - squares.mean((2, 3), keepdim=True)

    def _crop(self, generator: torch.Generator) -> Tensor:
        def below(limit: int) -> int:
            return int(torch.randint(limit, (1,), generator=generator))

        image = self.images[below(len(self.images))]
        top, left = (below(side - self.side + 1) for side in image.shape)
        return image[top : top + self.side, left : left + self.side]


def crops(images: Iterable[Tensor], side: int, batch: int) -> Crops:
    """Crops of the images that are large enough.

    Raises:
        CensusError: none is.
    """
    large = [image for image in images if min(image.shape) >= side]
    if not large:
        raise CensusError(f"images must be at least {side} x {side} pixels. Got none that is.")
    return Crops(large, side, batch)
