"""The pages of results: a folder that opens from disk with the network off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from tqdm import tqdm

from ..census.columns import twin_of
from ..census.record import CensusRecord, Finding
from ..layers.memory_format import in_words
from ..settings import RELIABILITY_GRID, TAU_GRID
from ..verdict.compared import FEWEST_COMPARED, hidden
from ..verdict.difference import difference_to_untrained
from ..verdict.lines import LEARNED
from ..verdict.sensitivity import answers, index_of_thresholds
from ..verdict.verdict import Verdict
from .cells import cell, css, heading
from .charts import dimensions, fates, over_depth, rarefaction, rarefied
from .concepts_chart import concept_rows, concepts_picture
from .directions_chart import directions
from .directions_table import DirectionsTable, directions_table
from .files import drawn_files, environment, put, vega
from .layer_page import MOST, layer_page, layer_picture, layer_sheet, visualisation_sheet
from .matrix import matrix_picture
from .picture import Picture
from .thresholds import thresholds
from .tiles import Examples, Sheet

LARGEST_IN_NOTEBOOK = 250_000  # characters of a picture


LARGEST_LAYER = 1_900_000  # bytes of a layer's page with its crops


def write(census: CensusRecord, verdict: Verdict, folder: Path, progress: bool = False) -> Path:
    """Write the pages into `folder` and return the path of its index.html; the same census gives the same bytes.

    Raises:
        CensusError: when the folder cannot be written.
    """
    put(folder, _files(census, verdict, progress), tidy=True)
    return folder / "index.html"


def _files(census: CensusRecord, verdict: Verdict, progress: bool) -> Iterator[tuple[str, str | bytes]]:
    """Every file of the report, by its path in the folder; index.html comes last."""
    pictures = {
        "directions": directions(census),
        "concepts": concepts_picture(census),
        "units": fates(census, fraction=False),
        "fractions": fates(census, fraction=True),
        "rarefied": rarefied(census),
        "curves": rarefaction(census),
        "dimensions": dimensions(census),
        "depth": over_depth(census),
    }
    yield "assets/vega.js", vega()
    for name, picture in pictures.items():
        yield from drawn_files(name, picture)
    examples = Examples(census.gallery)
    indices = range(len(census.layers))
    for index in tqdm(indices, desc="drawing", unit="layer", disable=not progress):
        yield from _layer(census, index, examples)
    yield "index.html", _index(census, verdict, pictures)


def _number(index: int) -> str:
    return f"layer-{index:03d}"


def _layer(census: CensusRecord, index: int, examples: Examples) -> Iterator[tuple[str, str | bytes]]:
    """The page of one layer and all its pictures."""
    number, name = _number(index), str(census.layers["layer"].iloc[index])
    matrix = census.gallery.matrices.get(name)
    correlations = None if matrix is None else matrix_picture(matrix)
    picture = layer_picture(census, index)
    yield from drawn_files(number, picture)
    yield from drawn_files(f"{number}-correlations", correlations)
    drawn = sum(len(p.svg) for p in (picture, correlations) if p)
    visualisations = visualisation_sheet(census, index, examples)
    if visualisations is not None:
        yield f"sprites/{number}-optimised.webp", visualisations.picture
        drawn += len(visualisations.picture)
    directions = directions_table(census, index, examples)
    if directions is not None and directions.sheet is not None:
        yield f"sprites/{number}-directions.webp", directions.sheet.picture
        drawn += len(directions.sheet.picture)
    sheet = layer_sheet(census, index, examples, LARGEST_LAYER - drawn)
    if sheet is not None:
        yield f"sprites/{number}.webp", sheet.picture
    yield (
        f"layers/{number}.html",
        _layer_html(
            census,
            index,
            examples,
            sheet=sheet,
            visualisations=visualisations,
            picture=picture,
            correlations=correlations,
            directions=directions,
        ),
    )


def _layer_html(
    census: CensusRecord, index: int, examples: Examples, *, sheet: Sheet | None, visualisations: Sheet | None,
    picture: Picture | None, correlations: Picture | None, directions: DirectionsTable | None,
) -> str:  # fmt: skip
    names = [str(name) for name in census.layers["layer"]]
    near = [
        {"file": f"{_number(i)}.html", "name": names[i]} if 0 <= i < len(names) else None
        for i in (index - 1, index + 1)
    ]
    return environment().get_template("layer.html").render(
        about=census.about,
        number=_number(index),
        before=near[0],
        after=near[1],
        findings=[f for f in census.findings if f.layer == names[index]],
        picture=picture,
        correlations=correlations,
        directions=directions,
        spectrum=census.array(names[index], "spectrum") is not None,
        twin=census.has_twin,
        **layer_page(census, index, examples, sheet, visualisations),
    )  # fmt: skip


def _index(census: CensusRecord, verdict: Verdict, pictures: dict[str, Picture | None]) -> str:
    columns = [name for name in _shown(census) if _has_values(census.layers[name])]
    ends = census.columns.intervals
    shapes = answers(census)
    chart = thresholds(census, shapes)
    files = {str(name): f"layers/{_number(index)}.html" for index, name in enumerate(census.layers["layer"])}
    i, j = index_of_thresholds(census)
    return environment().get_template("index.html").render(
        census=census,
        about=census.about,
        verdict=verdict,
        pictures=pictures,
        concepts=concept_rows(census),
        files_of=files,
        learned_known=LEARNED in census.layers and _has_values(census.layers[LEARNED]),
        heads=_heads,
        lines=_lines,
        thresholds=None if chart is None else _script(chart),
        compared=len(hidden(census.layers)) >= FEWEST_COMPARED,
        answers=list(zip(RELIABILITY_GRID, shapes, strict=True)),
        started=_started(census),
        taus=TAU_GRID,
        pairs=len(RELIABILITY_GRID) * len(TAU_GRID),
        changed=sum(answer != shapes[i][j] for row in shapes for answer in row),
        columns=columns,
        meanings=census.columns.meanings,
        memory_format=in_words(**census.provenance.memory_format),
        css=css,
        heading=heading,
        rows=[[cell(row, name, ends.get(name)) for name in columns] for _, row in census.layers.iterrows()],
        files=list(files.values()),
        findings=[(f, _link(census, f, files)) for f in census.findings],
        difference=_difference(census),
        trends=[row for _, row in verdict.table.iterrows()],
    )  # fmt: skip


def _shown(census: CensusRecord) -> list[str]:
    """The columns of the main table: in their order, a twin's beside its own where declared, then sentences."""
    shown = {name: column for name, column in census.columns.layers.items() if column.shown and name in census.layers}
    names: list[str] = []
    for name, column in shown.items():
        names += [name, *([twin_of(name)] if column.beside_twin and twin_of(name) in census.layers else [])]
    sentences = [name for name in names if name in shown and shown[name].kind == "sentence"]
    return [name for name in names if name not in sentences] + sentences


def _started(census: CensusRecord) -> tuple[float, float] | None:
    """Where the sliders start, when those are not the census's own thresholds."""
    i, j = index_of_thresholds(census)
    start, own = (RELIABILITY_GRID[i], TAU_GRID[j]), census.provenance.settings
    return None if start == (own["reliability"], own["tau"]) else start


def snippet(census: CensusRecord, verdict: Verdict) -> str:
    """The answer and the main picture as a piece of HTML that stands by itself, for notebooks.

    Nets of very many layers get the lines of the rarefied counts, which are smaller.
    """
    drawn = (fates(census, fraction=True), rarefied(census))
    picture = next((p for p in drawn if p is not None and len(p.svg) <= LARGEST_IN_NOTEBOOK), None)
    return environment().get_template("snippet.html").render(
        verdict=verdict, picture=Markup(picture.svg) if picture else ""
    )  # fmt: skip


def _link(census: CensusRecord, finding: Finding, files: dict[str, str]) -> str:
    """Where a finding leads: the page of its layer, at its first unit that the page shows."""
    if finding.layer not in files:
        return ""
    units = census.units[census.units["layer"] == finding.layer]
    first = next(iter(finding.units), None) if len(units) <= MOST else None
    return files[finding.layer] + (f"#unit-{first}" if first is not None else "")


def _script(chart: dict[str, Any]) -> Markup:
    """JSON that cannot end the script element which holds it."""
    return Markup(json.dumps(chart, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))


def _heads(table: pd.DataFrame) -> list[str]:
    return [", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in table.columns]


def _lines(table: pd.DataFrame) -> list[tuple[str, list[str]]]:
    return [(str(name), ["–" if pd.isna(v) else f"{v:.3g}" for v in row]) for name, row in table.iterrows()]


def _difference(census: CensusRecord) -> dict[str, Any]:
    """The difference to untrained nets, a row per layer and a column per measure; empty without a twin."""
    table = difference_to_untrained(census)
    if not len(table):
        return {}
    measures = list(dict.fromkeys(table["measure"]))
    cells = {
        (row["layer"], row["measure"]): _with_interval(row, census.columns.layers[row["measure"]].decimals)
        for _, row in table.iterrows()
    }
    layers = dict.fromkeys(table["layer"])
    rows = [(layer, [cells.get((layer, measure), "–") for measure in measures]) for layer in layers]
    return {"measures": measures, "rows": rows}


def _with_interval(row: pd.Series[Any], decimals: int) -> str:
    text = f"{row['difference']:+.{decimals}f}"
    return text if pd.isna(row["low"]) else f"{text} [{row['low']:+.{decimals}f}, {row['high']:+.{decimals}f}]"


def _has_values(column: pd.Series[Any]) -> bool:
    return bool(column.notna().any()) and not bool((column == "count").all())
