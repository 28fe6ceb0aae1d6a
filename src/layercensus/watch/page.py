"""The page of a training run: what happened, and a heat map of layers over steps for each count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..report.files import drawn_files, environment, put
from ..report.picture import Picture
from .columns import COLUMNS, MAPPED, OVER_RUNS
from .heatmap import heatmap
from .record import Record
from .settling import settling_words


def write_page(timeline: Record, folder: Path) -> Path:
    """Write `folder`/index.html, its pictures and tables, and return the page's path.

    Raises:
        CensusError: the folder cannot be written.
    """
    pictures = {name: heatmap(timeline, name) for name in MAPPED}
    files: list[tuple[str, str | bytes]] = [
        file for name, picture in pictures.items() for file in drawn_files(name, picture)
    ]
    files.append(("timeline.csv", timeline.layers.to_csv(index=False, lineterminator="\n")))
    page = environment(__package__).get_template("timeline.html").render(
        timeline=timeline, maps=[_map(name, picture) for name, picture in pictures.items() if picture],
        missing=_missing(pictures), spent=_spent(timeline),
        settled=settling_words(timeline),
    )  # fmt: skip
    put(folder, [*files, ("index.html", page)])
    return folder / "index.html"


def _missing(pictures: Mapping[str, Picture | None]) -> list[str]:
    """What a watch would have read, had the budget afforded it."""
    return [name for name, picture in pictures.items() if picture is None and name not in OVER_RUNS]


def _map(name: str, picture: Picture) -> dict[str, object]:
    """What the page says of one heat map."""
    table = picture.table
    assert table is not None
    rows = [
        (layer, [_cell(value) for value in values]) for layer, values in zip(table.index, table.values, strict=True)
    ]
    return {"name": name, "column": COLUMNS[name], "steps": list(table.columns), "rows": rows}


def _cell(value: object) -> str:
    return "–" if pd.isna(value) else f"{float(value):.3g}"  # type: ignore[arg-type]


def _spent(timeline: Record) -> str:
    """What watching cost, in words; "" where it is not known."""
    known: Sequence[tuple[float, float]] = [(e.spent, e.trained) for e in timeline.entries if e.spent and e.trained]
    if not known:
        return ""
    spent, trained = known[-1]
    cost = f"{spent:,.1f} s beside {trained:,.1f} s of training ({spent / trained:.1%})"
    return f"Until the last reading watching took {cost}."
