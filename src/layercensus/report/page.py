"""The page of results: one file that opens from disk with the network off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..census import Census
from ..columns import layer_meanings
from ..errors import CensusError
from ..models.formats import in_words
from .charts import dimensions, fair_draw, fates, rarefaction

SHOWN = (
    "layer", "kind", "role", "width", "live", "reliable", "distinct", "distinct_rarefied", "twin_distinct",
    "twin_distinct_rarefied", "redundant", "informative", "replicated", "reliable_ratio",
    "participation_ratio", "parallel_dim", "twonn", "gride", "twin_participation_ratio", "twin_twonn", "status",
)  # fmt: skip


def write(census: Census, folder: Path) -> Path:
    """Write `folder`/index.html and return its path; the same census gives the same bytes.

    Raises:
        CensusError: when the folder cannot be written.
    """
    page = folder / "index.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(render(census), "utf-8")
    except OSError as error:
        raise CensusError(f"{folder} must be a folder that can be written. Got: {error.strerror}.") from error
    return page


def render(census: Census) -> str:
    """The page as HTML; everything that comes from the user's names and files is escaped."""
    environment = Environment(
        loader=PackageLoader("layercensus.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = {
        "counts": Markup(fates(census, share=False)),
        "shares": Markup(fates(census, share=True)),
        "draw": Markup(fair_draw(census)),
        "curves": Markup(rarefaction(census)),
        "dimensions": Markup(dimensions(census)),
    }
    columns = [name for name in SHOWN if name in census.layers and _said(census.layers[name])]
    return environment.get_template("index.html").render(
        census=census,
        about=census.about,
        verdict=census.verdict,
        pictures=pictures,
        columns=columns,
        meanings=layer_meanings(),
        memory_format=in_words(**census.about["memory_format"]),
        rows=[_cells(row, columns) for _, row in census.layers.iterrows()],
        learned=_learned(census),
        trends=[row for _, row in census.verdict.table.iterrows()],
    )


def _learned(census: Census) -> dict[str, Any]:
    """The excess over the twin, a row per layer and a column per measure; empty without a twin."""
    table = census.learned
    if not len(table):
        return {}
    measures = list(dict.fromkeys(table["measure"]))
    found = {(row["layer"], row["measure"]): _excess(row) for _, row in table.iterrows()}
    layers = dict.fromkeys(table["layer"])
    rows = [(layer, [found.get((layer, measure), "–") for measure in measures]) for layer in layers]
    return {"measures": measures, "rows": rows}


def _excess(row: pd.Series[Any]) -> str:
    digits = 1 if row["measure"] == "distinct_rarefied" else 0
    text = f"{row['excess']:+.{digits}f}"
    return text if pd.isna(row["low"]) else f"{text} [{row['low']:+.{digits}f}, {row['high']:+.{digits}f}]"


def _said(column: pd.Series[Any]) -> bool:
    return bool(column.notna().any()) and not bool((column == "count").all())


def _cells(row: pd.Series[Any], columns: list[str]) -> list[str]:
    return [_cell(row, name) for name in columns]


def _cell(row: pd.Series[Any], name: str) -> str:
    value = row[name]
    if pd.isna(value):
        return "–"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if low is not None and not pd.isna(low):
        return f"{value} [{low:.0f}–{high:.0f}]"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
