"""Sights as files: a JSON record of each, its picture, and the crops of its top examples."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import CensusError
from .presets import Preset
from .visualisations import Sight, Top, shown

RECORDS = "see.json"
SIDE = 160  # pixels that a picture is shown with at least; smaller ones are enlarged with their pixels' edges
CROP = 96  # of an example's crop
GREY = 128  # what a crop shows beyond the edge of the example
QUALITY = 80
Record = dict[str, Any]


class Folder:
    """Keeps sights as they are made, so that nothing finished is lost.

    about: how they are made; records of an earlier run in the folder are gone on with where it is the same.
    """

    def __init__(self, folder: Path, about: dict[str, Any], resume: bool) -> None:
        self.folder, self._about = folder, json.loads(json.dumps(about))
        self.records: dict[str, Record] = {}
        try:
            for name in ("pictures", "examples"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CensusError(f"{folder} must be a folder that can be written. Got: {error.strerror}.") from error
        held = _held(folder)
        if held is None:
            return
        if not resume:
            raise CensusError(f"{folder} already holds pictures. Pass another out, overwrite=True, or resume=True.")
        if held["about"] != self._about:
            raise CensusError(f"{folder} holds pictures made in another way. Pass another out, or overwrite=True.")
        self.records = {_key(record): record for record in held["sights"]}

    def has(self, wanted: str, preset: str) -> bool:
        """Whether pictures of this objective are here already."""
        return any(record["wanted"] == wanted and record["preset"] == preset for record in self.records.values())

    def keep(self, preset: Preset, steps: int, sights: Sequence[Sight]) -> None:
        """Write these.

        Raises:
            CensusError: the folder cannot be written.
        """
        try:
            for sight in sights:
                record = self._record(preset, steps, sight)
                self.records[_key(record)] = record
            text = json.dumps({"about": self._about, "sights": list(self.records.values())}, indent=1)
            part = self.folder / f"{RECORDS}.part"
            part.write_text(text, "utf-8", errors="backslashreplace")
            os.replace(part, self.folder / RECORDS)
        except OSError as error:
            raise CensusError(f"{self.folder} must be a folder that can be written. Got: {error.strerror}.") from error

    def _record(self, preset: Preset, steps: int, sight: Sight) -> Record:
        head = {
            "wanted": sight.wanted, "objective": sight.objective, "layer": sight.layer, "unit": sight.unit,
            "face": sight.face, "faces": sight.faces, "contrast": sight.contrast, "preset": preset.name,
            "paper": preset.paper, "regulariser": preset.regulariser, "steps": steps,
        }  # fmt: skip
        name = _name(f"{sight.wanted}|{sight.face}|{preset.name}")
        picture = cut = None
        if sight.picture is not None:
            picture = f"pictures/{name}.png"
            whole = shown(sight.picture)
            (self.folder / picture).write_bytes(png(whole))
            if sight.window and sight.window != ((0, whole.height), (0, whole.width)):
                cut = f"pictures/{name}-cut.png"
                (self.folder / cut).write_bytes(png(cropped(whole, sight.window, SIDE)))
        score = None if sight.score is None else asdict(sight.score)
        tops = [self._top(f"{name}-{number}", top) for number, top in enumerate(sight.tops)]
        return head | {"picture": picture, "cut": cut, "score": score, "tops": tops}

    def _top(self, name: str, top: Top) -> Record:
        crop = None
        if top.picture is not None:
            crop = f"examples/{name}.webp"
            (self.folder / crop).write_bytes(_webp(cropped(shown(top.picture), top.window, CROP)))
        return {
            "id": top.id, "by": top.by, "response": top.response, "crop": crop, "words": list(top.words),
            "peak": top.peak, "drivers": [list(driver) for driver in top.drivers],
        }  # fmt: skip


def _held(folder: Path) -> dict[str, Any] | None:
    file = folder / RECORDS
    if not file.is_file():
        return None
    try:
        held: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return held if {"about", "sights"} <= held.keys() else None
    except (OSError, ValueError) as error:
        raise CensusError(f"{file} must be what an earlier run wrote. Remove it, or pass another out.") from error


def _key(record: Record) -> str:
    return f"{record['wanted']}|{record['face']}|{record['preset']}"


def _name(text: str) -> str:
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def cropped(image: Image.Image, window: tuple[tuple[int, int], ...], side: int) -> Image.Image:
    """What a window shows of a picture, its longer side as long as `side`; grey where it leaves the picture."""
    image = image.convert("RGB")
    (top, bottom), (left, right) = window if len(window) == 2 else ((0, image.height), (0, image.width))
    out = Image.new("RGB", (right - left, bottom - top), (GREY,) * 3)
    inside = (max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height))
    out.paste(image.crop(inside), (inside[0] - left, inside[1] - top))
    return enlarged(out, side, fit=True)


def enlarged(image: Image.Image, side: int, fit: bool = False) -> Image.Image:
    """A small picture with each pixel as a square; `fit`: exactly as long as `side`, larger ones made smaller."""
    longest = max(image.size)
    if longest >= side and not fit:
        return image
    scale = side / longest if fit else -(-side // longest)
    how = Image.Resampling.NEAREST if longest < side / 2 else Image.Resampling.LANCZOS
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), how)


def png(image: Image.Image) -> bytes:
    """A picture as a PNG file, enlarged when it is small."""
    held = io.BytesIO()
    enlarged(image, SIDE).save(held, "PNG", optimize=True)
    return held.getvalue()


def _webp(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.save(held, "WEBP", quality=QUALITY, method=4)
    return held.getvalue()
