"""Bases and completions as PNG pictures."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from ...data.files import image_bytes
from .completion import WAYS, Completed

GAP = 2  # pixels between two tiles
SHOWN = 12  # images of a completion


def tiles(pictures: Tensor, columns: int, side: int = 56) -> bytes:
    """Pictures (count, 1, height, width) side by side, each on its own scale about grey, 0 being the middle grey."""
    peak = pictures.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    return _png((pictures / peak + 1) / 2, columns, side)


def trimmed(pictures: Tensor, fraction: float = 0.02) -> Tensor:
    """The pictures without the frame in which all of them have next to nothing."""
    strength = pictures.abs().amax((0, 1))
    if not bool(strength.max() > 0):
        return pictures
    rows = (strength.amax(1) > fraction * strength.max()).nonzero().flatten()
    columns = (strength.amax(0) > fraction * strength.max()).nonzero().flatten()
    return pictures[..., int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]


def completions(images: Tensor, completed: Completed) -> bytes:
    """Six rows: the image, what was given, and the four ways of completing it; (images, 1, h, w) in 0..1."""
    rows = [images, completed.given, *(getattr(completed, way) for way in WAYS)]
    height, width = completed.with_top.shape[-2:]
    every = torch.cat([part[:SHOWN].cpu()[..., :height, :width] for part in rows])
    return _png(every.clamp(0, 1), min(SHOWN, len(images)), 56)


def plain(pictures: Tensor) -> bytes:
    """Pictures (count, 1, height, width) in 0..1 as they are, twelve a row."""
    return _png(pictures.clamp(0, 1), SHOWN, 56)


def _png(pictures: Tensor, columns: int, side: int) -> bytes:
    pictures = pictures.detach().cpu().mean(1)
    zoom = max(1, side // pictures.shape[-1])
    count, height, width = pictures.shape
    rows = -(-count // columns)
    sheet = Image.new("L", (columns * (width * zoom + GAP) - GAP, rows * (height * zoom + GAP) - GAP), 255)
    for number, picture in enumerate(pictures):
        tile = Image.fromarray((picture * 255).round().clamp(0, 255).byte().numpy())
        corner = (number % columns * (width * zoom + GAP), number // columns * (height * zoom + GAP))
        sheet.paste(tile.resize((width * zoom, height * zoom), Image.Resampling.NEAREST), corner)
    return image_bytes(sheet, "png")
