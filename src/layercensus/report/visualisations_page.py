"""The page of optimised images: each beside the examples that its unit responds to most, with its score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .files import environment, put

Record = dict[str, Any]
SCORES = (
    ("percentile", "percentile", "percent of the data's examples that excite it less than the image does"),
    ("ratio", "x data's maximum", "activation / the highest activation on the examples that were read"),
    (
        "kept",
        "kept",
        "fraction of the response above that to a blank image that is left when the image is changed a little",
    ),
    ("transfer", "transfer", "percentile of the image for the matching unit of another training run"),
    ("distance", "distance", "of the whole layer's response from the data's, as a multiple of the furthest example's"),
    (
        "agreement",
        "agreement",
        "correlation over the layer's units of the response to this image and to those from other starts",
    ),
    ("slope", "slope", "of log amplitude over log frequency; natural images have about -1"),
)
COLUMNS = ("objective", "layer", "unit", "face", "preset", "steps", "contrast", "picture")  # of scores.csv, then scores
BESIDE = {"transfer": ("r", "transfer_match"), "kept": ("best example", "data_kept"), "slope": ("data", "data_slope")}
BY = {"mean": "highest mean over the map", "peak": "highest peak", "value": "highest response"}


def write_see(records: Sequence[Record], about: Record, missing: str, folder: Path) -> Path:
    """Write `folder`/index.html and scores.csv beside the images that are there, and return the page's path.

    records, about: as in see.json. missing: why there are no images; "" where there are.

    Raises:
        CensusError: when the folder cannot be written.
    """
    groups = _groups(records)
    page = environment().get_template("see.html").render(
        groups=groups, about=about, missing=missing, failed=sum(bool(_status(record)) for record in records),
        count=len(records), several=len({record["preset"] for record in records}) > 1,
        method="" if not groups else groups[0]["method"],
    )  # fmt: skip
    put(folder, [("scores.csv", _csv(records)), ("index.html", page)])
    return folder / "index.html"


def _csv(records: Sequence[Record]) -> str:
    rows = [{name: record[name] for name in COLUMNS} | (record["score"] or {}) for record in records]
    return str(pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))


def _status(record: Record) -> str:
    return (record["score"] or {}).get("status") or ""


def _groups(records: Sequence[Record]) -> list[Record]:
    """The faces of each target and preset together, as the template takes them."""
    faces: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        faces.setdefault((record["target"], record["preset"]), []).append(record)
    return [_group(group) for group in faces.values()]


def _group(faces: Sequence[Record]) -> Record:
    first = faces[0]
    lists: dict[str, list[Record]] = {}
    for top in first["top_examples"]:
        lists.setdefault(top["by"], []).append(top)
    return {
        "name": first["target"],
        "anchor": f"{first['layer']}-{first['unit']}-{first['preset']}",
        "method": f"{first['preset']} ({first['paper']}): {first['regulariser']}; {first['steps']} steps",
        "lists": [(BY[by], examples) for by, examples in lists.items()],
        "faces": [(face, _numbers(face["score"])) for face in faces],
    }


def _numbers(score: Record | None) -> list[tuple[str, str, str]]:
    """What is known of an image: heading, value, meaning."""
    if score is None:
        return []
    known = [column for column in SCORES if score.get(column[0]) is not None]
    return [(heading, _value(name, score), _meaning(name, meaning)) for name, heading, meaning in known]


def _value(name: str, score: Record) -> str:
    text = f"{score[name]:.1f}" if name in ("percentile", "transfer") else f"{score[name]:.2f}"
    beside = {
        "transfer": ("r", "transfer_match"),
        "kept": ("best example", "data_kept"),
        "slope": ("data", "data_slope"),
    }
    label, other = beside.get(name, ("", name))
    return text if not label or score[other] is None else f"{text} ({label} {score[other]:.2f})"


def _meaning(name: str, meaning: str) -> str:
    return f"{meaning}; in brackets the correlation by which that unit was matched" if name == "transfer" else meaning
