"""The page of made pictures: each beside the examples that its unit responds to most, with its score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .files import environment, put

SCORES = (
    ("percentile", "percentile", "share of the data's examples that excite it less than the picture does"),
    ("ratio", "x data's maximum", "activation / the highest activation on the examples that were read"),
    (
        "kept",
        "kept",
        "share of the response above that to a blank picture that is left when the picture is changed a little",
    ),
    ("transfer", "transfer", "percentile of the picture for the matching unit of another training run"),
    ("slope", "slope", "of log amplitude over log frequency; natural images have about -1"),
)
HEAD = ("objective", "layer", "unit", "face", "preset", "steps", "contrast", "picture")  # of the CSV file
BY = {"mean": "highest mean over the map", "peak": "highest peak", "value": "highest response"}


def write_see(records: Sequence[dict[str, Any]], about: dict[str, Any], missing: str, folder: Path) -> Path:
    """Write `folder`/index.html and scores.csv beside the pictures that are there, and return the page's path.

    Raises:
        CensusError: when the folder cannot be written.
    """
    units: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        units.setdefault(f"{record['wanted']}|{record['preset']}", []).append(record)
    page = environment().get_template("see.html").render(
        groups=[_group(sights) for sights in units.values()], about=about, missing=missing, scores=SCORES,
        failed=sum(bool((r["score"] or {}).get("status")) for r in records), count=len(records),
        several=len({record["preset"] for record in records}) > 1,
        how="" if not units else _group(next(iter(units.values())))["how"],
    )  # fmt: skip
    rows = [
        {
            name: record[name]
            for name in ("objective", "layer", "unit", "face", "preset", "steps", "contrast", "picture")
        }
        | (record["score"] or {})
        for record in records
    ]
    table = pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")
    put(folder, [("scores.csv", table), ("index.html", page)])
    return folder / "index.html"


def _group(sights: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = sights[0]
    lists: dict[str, list[dict[str, Any]]] = {}
    for top in first["tops"]:
        lists.setdefault(top["by"], []).append(top)
    return {
        "name": first["wanted"],
        "anchor": f"{first['layer']}-{first['unit']}-{first['preset']}",
        "preset": first["preset"],
        "how": f"{first['preset']} ({first['paper']}): {first['regulariser']}; {first['steps']} steps",
        "lists": [(BY[by], tops) for by, tops in lists.items()],
        "sights": [(sight, _numbers(sight["score"])) for sight in sights],
    }


def _numbers(score: dict[str, Any] | None) -> list[tuple[str, str, str]]:
    """What is known of a picture: heading, value, meaning."""
    if score is None:
        return []
    found = []
    for name, heading, meaning in SCORES:
        value = score[name]
        if value is not None:
            if name == "transfer":
                meaning += "; in brackets the correlation by which that unit was matched"
            text = f"{value:.1f}" if name in ("percentile", "transfer") else f"{value:.2f}"
            if name == "transfer" and score["transfer_match"] is not None:
                text += f" (r {score['transfer_match']:.2f})"
            if name == "kept" and score["data_kept"] is not None:
                text += f" (best example {score['data_kept']:.2f})"
            if name == "slope" and score["data_slope"] is not None:
                text += f" (data {score['data_slope']:.2f})"
            found.append((heading, text, meaning))
    return found
