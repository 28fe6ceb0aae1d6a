"""One picture file as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from ..models.prepare import Prepare

ORIENTATION = 0x0112  # EXIF tag
DEEP = ("I", "F")  # first letters of the modes of more than 8 bits; all of them grey
NO_DECODER = (
    "BUFR",
    "GRIB",
    "HDF5",
    "MPEG",
    "WMF",
    "EPS",
)  # Pillow knows these files, and cannot render them by itself


def pictures(root: Path) -> dict[str, Path]:
    """Every file below a folder that Pillow can open, by its relative path with forward slashes, sorted."""
    Image.init()
    known = {ending for ending, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    known -= {ending for ending, kind in Image.registered_extensions().items() if kind in NO_DECODER}
    paths: dict[str, Path] = {}
    for path in root.rglob("*"):
        inside = path.relative_to(root)
        if path.suffix.lower() in known and not any(part.startswith(".") for part in inside.parts) and path.is_file():
            paths[inside.as_posix().encode("utf-8", "backslashreplace").decode()] = path
    return dict(sorted(paths.items()))


def header(path: Path) -> tuple[bool, tuple[int, int]]:
    """Whether a picture is grey, and its (height, width) upright, without decoding it."""
    with Image.open(path) as image:
        told = "exif" in image.info or image.format == "TIFF"
        turned = told and image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
        grey = image.mode in ("1", "L", "LA") or image.mode.startswith(DEEP)
        return grey, image.size if turned else (image.height, image.width)


def read_picture(path: Path, prepare: Prepare, channels: int) -> Tensor:
    """(channels, height, width) float32: upright, resized and normalised as `prepare` says; else 0..1."""
    with Image.open(path) as image:
        return prepared(image, prepare, channels)


def prepared(image: Image.Image, prepare: Prepare, channels: int) -> Tensor:
    """The same of a picture that is open."""
    image = _channelled(ImageOps.exif_transpose(image), channels)
    if prepare.transform is not None:
        return prepare.transform(image).float()
    x = _values(sized(image, prepare))
    if prepare.mean and prepare.std:
        mean, std = (np.array(v, dtype=np.float32).reshape(-1, 1, 1) for v in (prepare.mean, prepare.std))
        x = (x - mean) / std
    return torch.from_numpy(x)


def _channelled(image: Image.Image, channels: int) -> Image.Image:
    """In grey or RGB, what is transparent on white; deep grey in floats, 0..1 where it holds integers."""
    if image.mode.startswith(DEEP):
        deep = np.asarray(image, dtype=np.float32) / np.float32(1 if image.mode == "F" else 65535)
        if channels == 1:
            return Image.fromarray(deep)
        return Image.fromarray((deep.clip(0, 1) * 255).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("L" if channels == 1 else "RGB")


def sized(image: Image.Image, prepare: Prepare) -> Image.Image:
    """The shorter side at size / crop, then the centre of `size`."""
    if prepare.size is None:
        return image
    height, width = prepare.size
    how = getattr(Image.Resampling, prepare.interpolation.upper())
    scale = max(height / image.height, width / image.width) / prepare.crop
    big = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    image = image if big == image.size else image.resize(big, how)
    left, top = (big[0] - width) // 2, (big[1] - height) // 2
    return image.crop((left, top, left + width, top + height))


def _values(image: Image.Image) -> NDArray[np.float32]:
    values = np.asarray(image, dtype=np.float32)
    values = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    scale = np.float32(1 if image.mode == "F" else 255)
    return np.ascontiguousarray(values / scale)
