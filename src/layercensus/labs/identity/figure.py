"""The figure: every layer of every net as one picture for each input (after Zhang et al. 2020, figure 15)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ...data.files import image_bytes
from .inputs import Inputs
from .layers import activations, map_of
from .nets import SIDE, Stack

SHOWN = ("training", "other digits", "clothing", "small square", "thin stripes", "dot grid", "disc")
TILE, GAP, BETWEEN = SIDE, 2, 22  # pixels of a tile, between tiles, between nets
HEAD, LEFT = 34, 58  # pixels for the nets' names and for the rows' names
SCALE = 2  # a pixel of a map is this many pixels of the PNG
RAMP = (  # from low to high, at equal steps: dark to light at an even pace (after matplotlib's viridis)
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129), (92, 200, 99),
    (170, 220, 50), (253, 231, 37),
)  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One net of the figure."""

    title: str
    net: Stack


@dataclass(frozen=True)
class Figure:
    """Both forms of the same picture, and what its columns of inputs are."""

    png: bytes
    svg: str
    inputs: tuple[str, ...]


def draw_figure(columns: Sequence[Column], inputs: Inputs) -> Figure:
    """A column of tiles for each net and input; rows are the input, every hidden layer, and the output.

    A hidden layer's picture is its activations along their first singular vector over channels (see `map_of`), all
    inputs of one layer on one colour scale. Input and output are in grey, from 0 black to 1 white.
    """
    names = [name for name in SHOWN if name == "training" or name in inputs.kinds]
    x = torch.cat([inputs.training if name == "training" else inputs.kinds[name][:1] for name in names])
    deepest = max(column.net.shape.depth for column in columns)
    blocks = [_block(column.net, x, deepest) for column in columns]
    rows = ["input", *map(str, range(1, deepest)), "output"]
    titles = [column.title for column in columns]
    return Figure(_png(blocks, titles, rows), _svg(blocks, titles, rows), tuple(names))


def _block(net: Stack, x: Tensor, deepest: int) -> NDArray[np.uint8]:
    """(height, width, 4) tiles of one net; where it has no layer nothing is drawn."""
    step = TILE + GAP
    out = np.zeros((step * (deepest + 1) - GAP, step * len(x) - GAP, 4), dtype=np.uint8)
    for number, layer in enumerate(activations(net, x)):
        plain = number in (0, net.shape.depth)
        tiles = _grey(layer) if plain else _coloured(map_of(layer))
        row = deepest if number == net.shape.depth else number
        for column, tile in enumerate(tiles):
            out[row * step : row * step + TILE, column * step : column * step + TILE, :3] = tile
            out[row * step : row * step + TILE, column * step : column * step + TILE, 3] = 255
    return out


def _grey(x: Tensor) -> NDArray[np.uint8]:
    pixels = (x.reshape(-1, SIDE, SIDE, 1).clamp(0, 1) * 255).round().to(torch.uint8)
    return pixels.expand(-1, -1, -1, 3).numpy()


def _coloured(maps: Tensor) -> NDArray[np.uint8]:
    low, high = float(maps.min()), float(maps.max())
    levels = ((maps - low) / max(high - low, 1e-30)).reshape(-1, SIDE, SIDE).numpy()
    ramp = np.array(RAMP, dtype=np.float64)
    steps = np.linspace(0, 1, len(ramp))
    return np.stack([np.interp(levels, steps, ramp[:, c]) for c in range(3)], axis=-1).round().astype(np.uint8)


def _size(blocks: Sequence[NDArray[np.uint8]]) -> tuple[int, int]:
    wide = LEFT + sum(block.shape[1] for block in blocks) + BETWEEN * (len(blocks) - 1) + GAP
    return wide, HEAD + blocks[0].shape[0] + GAP


def _png(blocks: Sequence[NDArray[np.uint8]], titles: Sequence[str], rows: Sequence[str]) -> bytes:
    wide, high = _size(blocks)
    page = Image.new("RGB", (wide * SCALE, high * SCALE), "white")
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=11 * SCALE)
    for row, name in enumerate(rows):
        middle = (HEAD + row * (TILE + GAP) + TILE // 2) * SCALE
        pen.text(((LEFT - 8) * SCALE, middle), name, fill="#444", font=font, anchor="rm")
    left = LEFT
    for block, title in zip(blocks, titles, strict=True):
        image = Image.fromarray(block)
        image = image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.NEAREST)
        page.paste(image, (left * SCALE, HEAD * SCALE), image)
        pen.text(((left + block.shape[1] / 2) * SCALE, HEAD * SCALE / 2), title, fill="#111", font=font, anchor="mm")
        left += block.shape[1] + BETWEEN
    return image_bytes(page.quantize(256, dither=Image.Dither.NONE), "png")


def _svg(blocks: Sequence[NDArray[np.uint8]], titles: Sequence[str], rows: Sequence[str]) -> str:
    wide, high = _size(blocks)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        'font-family="sans-serif" font-size="11" fill="#7a7f87">'
    ]
    for row, name in enumerate(rows):
        middle = HEAD + row * (TILE + GAP) + TILE / 2
        parts.append(f'<text x="{LEFT - 8}" y="{middle}" text-anchor="end" dominant-baseline="middle">{name}</text>')
    left = LEFT
    for block, title in zip(blocks, titles, strict=True):
        data = base64.b64encode(image_bytes(Image.fromarray(block), "png")).decode("ascii")
        parts.append(
            f'<text x="{left + block.shape[1] / 2}" y="{HEAD / 2}" text-anchor="middle" '
            f'dominant-baseline="middle">{escape(title)}</text>'
            f'<image x="{left}" y="{HEAD}" width="{block.shape[1]}" height="{block.shape[0]}" '
            f'style="image-rendering: pixelated" href="data:image/png;base64,{data}"/>'
        )
        left += block.shape[1] + BETWEEN
    return "\n".join([*parts, "</svg>\n"])
