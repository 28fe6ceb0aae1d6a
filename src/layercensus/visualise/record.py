"""Visualisations as files: a JSON record of each, its image, and the crops of its top examples."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from ..count.interrupts import uninterrupted
from ..data.files import free_folder, image_bytes, writable, write_bytes, write_text
from ..errors import CensusError
from .presets import Preset
from .visualisations import TopExample, Visualisation, shown

RECORDS = "see.json"
FOLDERS = ("pictures", "examples")
SIDE = 160  # pixels that an image is shown with at least; smaller ones are enlarged with their pixels' edges
CROP = 96  # of an example's crop
GREY = 128  # what a crop shows beyond the edge of the example
Record = dict[str, Any]


class Folder:
    """Keeps visualisations as they are made, so that nothing finished is lost.

    about: how they are made; records of an earlier run in the folder are kept where it is the same.

    Raises:
        CensusError: the folder holds visualisations and neither resume nor overwrite is set, or they were made in
            another way, or it cannot be written.
    """

    def __init__(self, folder: Path, about: dict[str, Any], *, resume: bool = False, overwrite: bool = False) -> None:
        self.folder, self._about = folder, json.loads(json.dumps(about))
        self.records: dict[str, Record] = {}
        saved = None if overwrite else _saved(folder)
        free_folder(folder, holds="visualisations" if saved else "", resume=resume, overwrite=overwrite)
        if overwrite:
            _clear(folder)
        if saved is not None and saved["about"] != self._about:
            raise CensusError(
                f"{folder} holds visualisations made in another way. Pass another out, or overwrite=True."
            )
        if saved is not None:
            self.records = {_key(record): record for record in saved["visualisations"]}

    def has(self, target: str, preset: str) -> bool:
        """Whether images of this objective are here already."""
        return any(record["target"] == target and record["preset"] == preset for record in self.records.values())

    def keep(self, preset: Preset, steps: int, entries: Sequence[Visualisation]) -> None:
        """Write these; the records, which name the images, last. An interrupt waits until they are written.

        Raises:
            CensusError: the folder cannot be written, or the disk is full.
        """
        with uninterrupted():
            for entry in entries:
                record = self._record(preset, steps, entry)
                self.records[_key(record)] = record
            saved = {"about": self._about, "visualisations": list(self.records.values())}
            write_text(self.folder / RECORDS, json.dumps(saved, indent=1))

    def _record(self, preset: Preset, steps: int, entry: Visualisation) -> Record:
        head = {
            "target": entry.target, "objective": entry.objective, "layer": entry.layer, "unit": entry.unit,
            "face": entry.face, "faces": entry.faces, "contrast": entry.contrast, "preset": preset.name,
            "paper": preset.paper, "regulariser": preset.regulariser, "steps": steps,
        }  # fmt: skip
        name = _name(_text(entry.target, entry.face, preset.name))
        score = None if entry.score is None else asdict(entry.score)
        tops = [self._example(f"{name}-{number}", top) for number, top in enumerate(entry.top_examples)]
        return head | self._image(name, entry) | {"score": score, "top_examples": tops}

    def _image(self, name: str, entry: Visualisation) -> dict[str, str | None]:
        """The paths of the image, and of what the peak sees of it where that is less."""
        if entry.image is None:
            return {"picture": None, "cut": None}
        file, cut = f"pictures/{name}.png", None
        image = shown(entry.image)
        write_bytes(self.folder / file, image_bytes(enlarged(image, SIDE), "png"), resumes=True)
        if entry.window and entry.window != ((0, image.height), (0, image.width)):
            cut = f"pictures/{name}-cut.png"
            crop = cropped(image, entry.window, SIDE)
            write_bytes(self.folder / cut, image_bytes(enlarged(crop, SIDE), "png"), resumes=True)
        return {"picture": file, "cut": cut}

    def _example(self, name: str, top: TopExample) -> Record:
        crop = None
        if top.image is not None:
            crop = f"examples/{name}.webp"
            write_bytes(
                self.folder / crop, image_bytes(cropped(shown(top.image), top.window, CROP), "webp"), resumes=True
            )
        return {
            "id": top.id, "by": top.by, "response": top.response, "crop": crop, "words": list(top.words),
            "peak": top.peak, "place": top.place, "drivers": [list(driver) for driver in top.drivers],
        }  # fmt: skip


def _saved(folder: Path) -> dict[str, Any] | None:
    file = folder / RECORDS
    if not file.is_file():
        return None
    try:
        saved: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return saved if {"about", "visualisations"} <= saved.keys() else None
    except (OSError, ValueError) as error:
        raise CensusError(f"{file} must be what an earlier run wrote. Remove it, or pass another out.") from error


def _clear(folder: Path) -> None:
    """Remove what an earlier run wrote; its records first, so that none names an image that is gone."""
    with writable(folder):
        (folder / RECORDS).unlink(missing_ok=True)
        for name in FOLDERS:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)


def _key(record: Record) -> str:
    return _text(record["target"], record["face"], record["preset"])


def _text(target: str, face: int, preset: str) -> str:
    """What tells one image from all others of a folder."""
    return f"{target}|{face}|{preset}"


def _name(text: str) -> str:
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def cropped(image: Image.Image, window: tuple[tuple[int, int], ...], side: int) -> Image.Image:
    """What a window shows of an image, its longer side as long as `side`; grey where it leaves the image."""
    image = image.convert("RGB")
    (top, bottom), (left, right) = window if len(window) == 2 else ((0, image.height), (0, image.width))
    out = Image.new("RGB", (right - left, bottom - top), (GREY,) * 3)
    inside = (max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height))
    out.paste(image.crop(inside), (inside[0] - left, inside[1] - top))
    return enlarged(out, side, fit=True)


def enlarged(image: Image.Image, side: int, fit: bool = False) -> Image.Image:
    """A small image with each pixel as a square; `fit`: exactly as long as `side`, larger ones made smaller."""
    longest = max(image.size)
    if longest >= side and not fit:
        return image
    scale = side / longest if fit else -(-side // longest)
    filter = Image.Resampling.NEAREST if longest < side / 2 else Image.Resampling.LANCZOS
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), filter)
