"""The first screen of a report as one piece of HTML that stands by itself, without a script, for a notebook."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

from markupsafe import Markup

from ..census.record import CensusRecord
from ..verdict.verdict import Verdict
from ..verdict.words import without_words, words_of
from .cells import cell, heading
from .charts import fates, rarefied
from .directions_chart import directions
from .files import environment
from .finding_groups import grouped, without_layer
from .index_page import counts, headline
from .picture import Picture
from .strip import Strip, strip
from .tiles import Examples

LARGEST = 290_000  # bytes of a snippet
LARGEST_PICTURE = 110_000  # characters of one
NUMBERS = 8  # columns of the table
ALWAYS = ("layer", "width", "shared")
_numbers = itertools.count()  # one output's switch must not move another's


def snippet(census: CensusRecord, verdict: Verdict) -> str:
    """The answer, its picture with the numbers under the pointer, findings, pictures of concepts, a table.

    A switch goes from directions to units where both were counted. What is less important is left out where the whole
    would exceed LARGEST.
    """
    charts = dict(_charts(census))
    shown = strip(census, Examples(census.gallery))
    for some in (shown, None):
        page = _page(census, verdict, charts, some)
        if len(page.encode("utf-8")) <= LARGEST:
            return page
    return _page(census, verdict, dict(itertools.islice(charts.items(), 1)), None, rows=50)


def _charts(census: CensusRecord) -> Iterator[tuple[str, Markup]]:
    """Directions where they were counted, and units; of very many layers the lines of rarefied counts."""
    kinds: dict[str, tuple[Callable[..., Picture | None], dict[str, Any]]] = {
        "directions": (directions, {}), "units": (fates, {"fraction": True}), "units, rarefied": (rarefied, {}),
    }  # fmt: skip
    found = 0
    for name, (draw, how) in kinds.items():
        if found == 2 or (found and name == "units, rarefied"):
            return
        picture = draw(census, **how)
        if picture is not None and len(picture.svg) <= LARGEST_PICTURE:
            found += 1
            yield name, Markup(_titled(picture.svg))


def _titled(svg: str) -> str:
    """The picture as wide as its place, each bar with its number under the pointer."""
    svg = re.sub(r'(<path aria-label="([^"]*)"[^>]*?)/>', r"\1><title>\2</title></path>", svg)
    return svg.replace("<svg ", '<svg style="width:100%;height:auto" ', 1)


def _page(
    census: CensusRecord, verdict: Verdict, charts: dict[str, Markup], shown: Strip | None, rows: int | None = None
) -> str:
    columns = census.columns.layers
    known = {name: column for name, column in columns.items() if name in census.layers}
    names = [name for name, column in known.items() if column.terminal or name in ALWAYS][:NUMBERS]
    ends = census.columns.intervals
    return environment().get_template("snippet.html").render(
        verdict=verdict,
        headline=headline(verdict),
        counts=counts(verdict),
        words=words_of(without_words(str(verdict))),
        charts=charts,
        groups=grouped(census),
        without_layer=without_layer,
        strip=shown,
        sheets={} if shown is None else {
            name: "data:image/webp;base64," + base64.b64encode(sheet.picture).decode("ascii")
            for name, sheet in (("crops", shown.sheet), ("made", shown.optimised)) if sheet is not None
        },
        heads=[heading(name, columns[name]) for name in names],
        rows=[[cell(row, name, ends.get(name)) for name in names] for _, row in census.layers.iloc[:rows].iterrows()],
        left_out=0 if rows is None else max(0, len(census.layers) - rows),
        number=next(_numbers),
    )  # fmt: skip
