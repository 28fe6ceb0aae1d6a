"""The correlations between a layer's units as a picture."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..data.files import image_bytes
from ..gallery.gallery import Matrix
from .picture import INK, Picture

SIDE = 420  # of the square, in pixels
BLUE, WHITE, RED = (33, 102, 172), (250, 250, 250), (178, 24, 43)  # told apart by colour-blind readers


def matrix_picture(matrix: Matrix) -> Picture:
    """Row and column k are the same unit; blue is against each other, red is together. A number for each pair, once."""
    names = [str(unit) for unit in matrix.units]
    once = np.tri(len(names), dtype=bool)
    data = pd.DataFrame(np.where(once, matrix.values / 100, np.nan), columns=names).round(2)
    data.insert(0, "unit", names)
    image = base64.b64encode(_png(matrix.values)).decode("ascii")
    colours = zip((0, 0.5, 1), (BLUE, WHITE, RED), strict=True)
    stops = "".join(f'<stop offset="{at}" stop-color="rgb{colour}"/>' for at, colour in colours)
    text = f'font-family="sans-serif" font-size="11" fill="{INK}"'
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE + 90} {SIDE + 24}" width="{SIDE + 90}" '
        f'height="{SIDE + 24}">'
        f'<defs><linearGradient id="scale" x1="0" y1="1" x2="0" y2="0">{stops}</linearGradient></defs>'
        f'<image x="0" y="0" width="{SIDE}" height="{SIDE}" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{image}"/>'
        f'<rect x="{SIDE + 14}" y="0" width="14" height="160" fill="url(#scale)"/>'
        f'<text x="{SIDE + 34}" y="10" {text}>+1</text><text x="{SIDE + 34}" y="84" {text}>0</text>'
        f'<text x="{SIDE + 34}" y="160" {text}>−1</text>'
        f'<text x="0" y="{SIDE + 17}" {text}>{len(names)} units, those of one cluster side by side</text></svg>'
    )
    return Picture(svg, data)


def _png(values: NDArray[np.int8]) -> bytes:
    """One pixel a pair, with a palette of 201 colours for -1 to 1."""
    value = np.linspace(-1, 1, 201)[:, None]
    ends = np.where(value < 0, np.array(BLUE), np.array(RED))
    palette = (np.array(WHITE) + (ends - np.array(WHITE)) * np.abs(value)).round().astype(np.uint8)
    image = Image.fromarray((values.astype(np.int16) + 100).clip(0, 200).astype(np.uint8))
    image.putpalette(palette.flatten().tolist())
    return image_bytes(image, "png")
