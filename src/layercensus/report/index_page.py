"""The first page of a report: the answer and its picture, and all that it rests on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from ..census.columns import twin_of
from ..census.findings import number_of
from ..census.record import CensusRecord, Finding
from ..layers.memory_format import in_words
from ..settings import RELIABILITY_GRID, TAU_GRID
from ..verdict.compared import FEWEST_COMPARED, hidden
from ..verdict.difference import difference_to_untrained
from ..verdict.grid import grids
from ..verdict.lines import LEARNED
from ..verdict.sensitivity import answers, index_of_thresholds
from ..verdict.verdict import Verdict
from ..verdict.wording import why_not_learned
from ..verdict.words import without_words
from .cells import cell, css, heading
from .concepts_chart import PAGED, concept_rows, number_of_concept
from .depth_charts import Small
from .files import environment
from .finding_groups import grouped, without_layer
from .layer_page import MOST
from .names import number_of_layer
from .picture import Picture
from .strip import Strip
from .thresholds import thresholds
from .unit_index import NAME


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a whole census. pictures: by name. depth: every measure's small chart."""

    pictures: Mapping[str, Picture | None]
    depth: tuple[Small, ...]
    strip: Strip | None


def index_page(census: CensusRecord, verdict: Verdict, drawn: Drawn, address: str | None = None) -> str:
    """The page as HTML. address: where it will stand, as `folder_of` gives it."""
    columns = [name for name in _shown(census) if _has_values(census.layers[name])]
    ends = census.columns.intervals
    shapes = answers(census)
    chart = thresholds(census, shapes)
    files = {str(name): f"layers/{number_of_layer(index)}.html" for index, name in enumerate(census.layers["layer"])}
    i, j = index_of_thresholds(census)
    return environment().get_template("index.html").render(
        census=census,
        about=census.about,
        verdict=verdict,
        pictures=drawn.pictures,
        depth=drawn.depth,
        strip=drawn.strip,
        grids=grids(census, verdict.lines, verdict.sensitivity),
        addressed=set(census.layers["layer"][census.layers["width"] <= MOST]),
        surer=surer(census),
        cite=cite(census),
        image=any(drawn.pictures.get(name) is not None for name in ("directions", "units")),
        address=address or "",
        headline=headline(verdict),
        counts=counts(verdict),
        groups=grouped(census),
        without_layer=without_layer,
        link=lambda finding: _link(census, finding, files),
        concepts=concept_rows(census),
        concept_pages=PAGED,
        number_of_concept=number_of_concept,
        files_of=files,
        learned_known=LEARNED in census.layers and _has_values(census.layers[LEARNED]),
        shared_known="shared" in census.layers and _has_values(census.layers["shared"]),
        not_learned=why_not_learned(census),
        asked_of=int(census.layers["needed"].notna().sum()) if "needed" in census.layers else 0,
        called_again=any(CALL.search(str(name)) for name in census.layers["layer"]),
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
        unit_index=NAME,
        heading=heading,
        rows=[[cell(row, name, ends.get(name)) for name in columns] for _, row in census.layers.iterrows()],
        files=list(files.values()),
        difference=_difference(census),
        trends=[row for _, row in verdict.table.iterrows()],
    )  # fmt: skip


CALL = re.compile(r"@[0-9]+$")  # ends the name of a layer that is called more than once
ENOUGH = 1000  # examples of the panel beyond which more say little new
LONGEST_NAME = 40  # characters before the colon of a line that has a name


def surer(census: CensusRecord) -> str:
    """What would make the answer surer, in words."""
    provenance = census.provenance
    wanted = [
        ("examples that are more, and from more sources", provenance.panel < ENOUGH),
        ("other training runs of the same net (replicas), which tell what was learned", provenance.replicas < 1),
        ("a third training run", provenance.replicas == 1),
        ("an untrained twin", not census.has_twin),
        ("labels or concepts, which say what is readable", not provenance.concepts),
    ]
    return (
        "; ".join([words for words, lacks in wanted if lacks] or ["another net of the same kind that answers alike"])
        + "."
    )


def cite(census: CensusRecord) -> str:
    """One line that names the census in a text of the reader's."""
    about, weights = census.about, next(iter(census.provenance.weights.values()), "")
    version = about["versions"].get("layercensus", "")
    return (
        f"layercensus {version}, census of {about['model']} (weights {weights[:16]}) on "
        f"{about['data'].get('name', 'data')}, {number_of(int(about['examples']), 'example')}, seed {about['seed']}."
    )


def headline(verdict: Verdict) -> str:
    """The sentence that answers."""
    return str(verdict).partition("\n")[0]


def counts(verdict: Verdict) -> list[tuple[str, str]]:
    """A line a count: its name, and what it says."""
    lines = [line.partition(": ") for line in without_words(str(verdict)).splitlines()[1:]]
    return [(name + between.strip(), rest) if len(name) < LONGEST_NAME else ("", name + between + rest)
            for name, between, rest in lines]  # fmt: skip


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
