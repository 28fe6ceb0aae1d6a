"""Crops of the examples that units respond to most, many in one picture file, each shown by where it lies in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from ..gallery.gallery import Gallery
from .crops import GREY, HEIGHT, LONG, WIDTH, Window, crop, decoded, wave, webp
from .driving import Driving
from .token_words import Words, around

ACROSS = 1536  # width of a sheet
TALLEST = 16_383 // HEIGHT  # tiles that a WebP picture can hold above each other
MARKUP = 110  # bytes of a page for each crop


@dataclass(frozen=True)
class Tile:
    """One crop: whose, and where in the sheet, in tiles from the left and the top."""

    id: str
    x: int
    y: int


@dataclass(frozen=True)
class Sheet:
    """The crops of one layer. tiles: for each row that was asked for its crops, the highest response first."""

    picture: bytes  # WebP
    width: int  # of a tile
    tiles: tuple[tuple[Tile, ...], ...]


class Examples:
    """The examples of a gallery, decoded once."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self.pictured = gallery.kind in ("images", "signals") and bool(gallery.examples)
        self._small: dict[str, Image.Image] = {}
        self.spoken = gallery.kind == "tokens" and bool(gallery.examples)

    @cached_property
    def driving(self) -> Driving:
        """Which columns drive a unit, where examples are rows of a table."""
        return Driving(self.gallery)

    @cached_property
    def _pictures(self) -> dict[str, Image.Image]:
        return {id: decoded(content) for id, content in self.gallery.examples.items()}

    @cached_property
    def _sentences(self) -> dict[str, list[str]]:
        return {id: json.loads(content) for id, content in self.gallery.examples.items()}

    def window(self, layer: str, position: int) -> Window:
        """What a position of a layer's map can see of an example."""
        field, side = self.gallery.fields.get(layer), self.gallery.side
        return tuple((0, n) for n in side) if field is None else field.window(position, side)

    def sheet(self, layer: str, units: Sequence[int], tops: Sequence[Sequence[str]], room: int) -> Sheet | None:
        """The crops of these units of a layer in at most `room` bytes; with fewer crops a unit where it is small.

        tops: the ids of each unit's top examples. A crop of several units is stored once; what a page needs to
        show each is part of the room.
        """
        if not self.pictured:
            return None
        for ranks in range(max(map(len, tops), default=0), 0, -1):
            keys = [self.keys(layer, unit, top[:ranks]) for unit, top in zip(units, tops, strict=True)]
            crops = list(dict.fromkeys(key for row in keys for key in row))
            most = TALLEST * (ACROSS // self._width)
            if len(crops) > most and ranks > 1:
                continue
            crops = crops[:most]
            left = room - MARKUP * sum(map(len, keys))
            if ranks > 1 and self._estimate(crops) > left:
                continue
            sheet = self._sheet_of(keys, crops)
            if ranks == 1 or len(sheet.picture) <= left:
                return sheet if crops else None
        return None

    def visualisations(self, layer: str, units: Sequence[int]) -> Sheet | None:
        """The optimised images of these units of a layer; no tile for a unit without one."""
        return self.optimised([(layer, unit) for unit in units])

    def optimised(self, units: Sequence[tuple[str, int | None]]) -> Sheet | None:
        """The optimised images of units of any layers; no tile for one without."""
        made = self.gallery.visualisations
        images = [(unit, None if unit is None else made.get((layer, unit))) for layer, unit in units]
        pictures = [decoded(image.picture) for _, image in images if image is not None]
        if not pictures:
            return None
        across, numbers = ACROSS // WIDTH, iter(range(len(pictures)))
        sheet = Image.new(
            "RGB", (min(len(pictures), across) * WIDTH, -(-len(pictures) // across) * HEIGHT), (GREY,) * 3
        )
        tiles: list[tuple[Tile, ...]] = []
        for unit, optimised in images:
            if optimised is None:
                tiles.append(())
                continue
            number = next(numbers)
            y, x = divmod(number, across)
            image = pictures[number]
            sheet.paste(crop(image, ((0, image.height), (0, image.width))), (x * WIDTH, y * HEIGHT))
            tiles.append((Tile(f"image optimised for unit {unit}", x, y),))
        return Sheet(webp(sheet), WIDTH, tuple(tiles))

    def whole(self, rows: Sequence[Sequence[str]]) -> Sheet | None:
        """Whole examples; rows: their ids. None where there are no pictures of them."""
        window = tuple((0, n) for n in self.gallery.side)
        return self.crops([[(id, window) for id in ids if id in self.gallery.examples] for ids in rows])

    def crops(self, rows: Sequence[Sequence[tuple[str, Window]]]) -> Sheet | None:
        """These crops, each an example and a part of it; None where there are no pictures of them."""
        crops = list(dict.fromkeys(key for row in rows for key in row))
        return self._sheet_of(rows, crops) if self.pictured and crops else None

    def beginnings(self, ids: Sequence[str]) -> tuple[Words, ...]:
        """The first tokens of sentences."""
        return tuple(around(id, self._sentences[id], -1) for id in ids if id in self._sentences)

    def words(self, layer: str, unit: int, top: Sequence[str]) -> tuple[Words, ...]:
        """The tokens around each peak of a unit."""
        peaks = self.gallery.peaks.get(layer)
        words = []
        for rank, id in enumerate(top):
            tokens = self._sentences.get(id)
            if tokens is not None:
                position = -1 if peaks is None or rank >= peaks.shape[1] else int(peaks[unit, rank])
                words.append(around(id, tokens, position))
        return tuple(words)

    def keys(self, layer: str, unit: int, top: Sequence[str]) -> list[tuple[str, Window]]:
        """The crops of a unit's top examples: of which example, and which part of it."""
        peaks = self.gallery.peaks[layer]
        positions = [(id, int(peaks[unit, rank])) for rank, id in enumerate(top) if id in self.gallery.examples]
        return [(id, self.window(layer, position)) for id, position in positions]

    def _estimate(self, crops: Sequence[tuple[str, Window]]) -> float:
        """Bytes of a sheet of all crops, from one of some of them."""
        some = crops[:: max(1, len(crops) // 64)][:64]
        return len(self._joined(some)) / max(1, len(some)) * len(crops)

    def _sheet_of(self, keys: Sequence[Sequence[tuple[str, Window]]], crops: Sequence[tuple[str, Window]]) -> Sheet:
        across = ACROSS // self._width
        at = {crop: divmod(number, across) for number, crop in enumerate(crops)}
        tiles = tuple(tuple(Tile(key[0], at[key][1], at[key][0]) for key in row if key in at) for row in keys)
        return Sheet(self._joined(crops), self._width, tiles)

    @property
    def _width(self) -> int:
        return LONG if self.gallery.kind == "signals" else WIDTH

    def _joined(self, crops: Sequence[tuple[str, Window]]) -> bytes:
        across = ACROSS // self._width
        columns, rows = min(len(crops), across), -(-len(crops) // across)
        sheet = Image.new("RGB", (max(1, columns * self._width), max(1, rows * HEIGHT)), (GREY,) * 3)
        for number, (id, window) in enumerate(crops):
            y, x = divmod(number, across)
            sheet.paste(self._tile(id, window), (x * self._width, y * HEIGHT))
        return webp(sheet)

    def _tile(self, id: str, window: Window) -> Image.Image:
        if self.gallery.kind == "signals":
            return wave(np.frombuffer(self.gallery.examples[id], dtype=np.float32), window[0])
        whole = window == tuple((0, n) for n in self.gallery.side)
        if not whole:
            return crop(self._pictures[id], window)
        if id not in self._small:  # late layers show the same examples whole again and again
            self._small[id] = crop(self._pictures[id], window)
        return self._small[id]
