"""One example, or the part of it that a unit's peak can see, as a small picture."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..data.files import image_bytes

WIDTH, HEIGHT = 48, 48  # of a tile, in pixels
LONG = 144  # width of a signal's tile
ENLARGED = 24  # crops of fewer pixels keep their pixels' edges
QUALITY, EFFORT = 60, 2  # of WebP
GREY = 128  # what a crop shows beyond the edge of the example
Window = tuple[tuple[int, int], ...]


def webp(sheet: Image.Image) -> bytes:
    """A sheet as a WebP file."""
    return image_bytes(sheet, "webp", quality=QUALITY, effort=EFFORT)


def decoded(encoded: bytes) -> Image.Image:
    """A picture file in colours."""
    with Image.open(io.BytesIO(encoded)) as image:
        return image.convert("RGB")


def crop(image: Image.Image, window: Window) -> Image.Image:
    """The window of a picture as a tile, its longer side as long as the tile; grey where it leaves the picture."""
    (top, bottom), (left, right) = window
    height, width = bottom - top, right - left
    scale = min(WIDTH / width, HEIGHT / height)
    how = Image.Resampling.NEAREST if max(width, height) < ENLARGED else Image.Resampling.BILINEAR
    tile = Image.new("RGB", (WIDTH, HEIGHT), (GREY,) * 3)
    inside = (max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return tile
    size = (max(1, round((inside[2] - inside[0]) * scale)), max(1, round((inside[3] - inside[1]) * scale)))
    at = (
        (WIDTH - width * scale) / 2 + (inside[0] - left) * scale,
        (HEIGHT - height * scale) / 2 + (inside[1] - top) * scale,
    )
    tile.paste(image.resize(size, how, inside, reducing_gap=2.0), (round(at[0]), round(at[1])))
    return tile


def wave(values: NDArray[np.float32], window: tuple[int, int]) -> Image.Image:
    """The visible part of a signal, in black on white; the height of a tile is the range of the whole signal."""
    tile = Image.new("RGB", (LONG, HEIGHT), "white")
    low, high = float(values.min()), float(values.max())
    visible = values[max(0, window[0]) : window[1]]
    if len(visible) == 0 or high <= low:
        return tile
    y = (HEIGHT - 3) * (1 - (visible - low) / (high - low)) + 1
    at = np.linspace(0, len(visible) - 1, LONG * 2)
    line = np.interp(at, np.arange(len(visible)), y)
    ImageDraw.Draw(tile).line([(n / 2, float(v)) for n, v in enumerate(line)], fill="black")
    return tile
