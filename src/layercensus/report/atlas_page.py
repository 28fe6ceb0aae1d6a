"""The page of an atlas: a grid of optimised images that one moves about and enlarges, with each cell's examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.files import image_bytes
from ..visualise.visualisations import shown
from .files import environment, put

if TYPE_CHECKING:
    from ..visualise.atlas import Atlas, Cell

PICTURE, EXAMPLE = 224, 96  # pixels a side at most


def write_atlas(atlas: Atlas, folder: Path) -> Path:
    """Write `folder`/index.html, atlas.json and the images, and return the page's path.

    Raises:
        CensusError: when the folder cannot be written.
    """
    cells = [_cell(cell) for cell in atlas.cells]
    most = max((cell.count for cell in atlas.cells), default=1)
    page = environment().get_template("atlas.html").render(
        atlas=atlas, cells=cells, most=most, about=atlas.about, examples=len(atlas.ids),
        blank=sum(cell.image is None for cell in atlas.cells),
        failed=sum(bool(cell.score and cell.score.status) for cell in atlas.cells),
    )  # fmt: skip
    put(folder, [*_files(atlas), ("atlas.json", _json(atlas, cells)), ("index.html", page)])
    return folder / "index.html"


def _cell(cell: Cell) -> dict[str, Any]:
    name = f"{cell.row}-{cell.column}"
    return {
        "name": name, "row": cell.row, "column": cell.column, "count": cell.count,
        "picture": None if cell.image is None else f"cells/{name}.webp",
        "examples": [
            {"id": id, "crop": f"examples/{name}-{number}.webp"} for number, id in enumerate(cell.examples)
        ],
        "status": "" if cell.score is None else cell.score.status,
        "score": None if cell.score is None else asdict(cell.score),
    }  # fmt: skip


def _files(atlas: Atlas) -> Iterator[tuple[str, bytes]]:
    for cell in atlas.cells:
        name = f"{cell.row}-{cell.column}"
        if cell.image is not None:
            yield f"cells/{name}.webp", _picture(cell.image, PICTURE)
        for number, example in enumerate(cell.pictures):
            yield f"examples/{name}-{number}.webp", _picture(example, EXAMPLE)


def _picture(x: Any, most: int) -> bytes:
    image = shown(x)
    image.thumbnail((most, most))
    return image_bytes(image, "webp", quality=85)


def _json(atlas: Atlas, cells: list[dict[str, Any]]) -> str:
    places = [[id, round(float(x), 4), round(float(y), 4)] for id, (x, y) in zip(atlas.ids, atlas.at, strict=True)]
    head = {"layer": atlas.layer, "side": atlas.side, "explained": atlas.explained, "about": atlas.about}
    return json.dumps(head | {"cells": cells, "examples": places}, indent=1)
