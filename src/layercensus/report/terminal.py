"""A census as text: a table with a small bar a layer, readable at 100 columns, then the answer."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..census.record import CensusRecord
from ..layers.layer import Layer
from ..layers.memory_format import in_words
from ..measures import FATES
from ..verdict.diff import Difference
from ..verdict.verdict import Verdict

WIDTH = 100
BAR = 20
GLYPHS = {"distinct": "█", "duplicate": "▓", "noise": "░", "dead": "·"}
COLOURS = {"distinct": "#4477aa", "duplicate": "#88ccee", "noise": "#ddaa33", "dead": "bright_black"}


def show(census: CensusRecord, verdict: Verdict) -> None:
    """Print the census."""
    _print(Console(width=None if Console().is_terminal else WIDTH, highlight=False), census, verdict)


def as_text(census: CensusRecord, verdict: Verdict) -> str:
    """The same without colours."""
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False, color_system=None)
    _print(console, census, verdict)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def _print(console: Console, census: CensusRecord, verdict: Verdict) -> None:
    console.print(_table(census))
    console.print(_legend(census))
    console.print(Text("memory format: " + in_words(**census.provenance.memory_format)))
    for finding in census.findings[:8]:
        console.print(Padding(Text("- " + finding.sentence), (0, 0, 0, 1)))
    if len(census.findings) > 8:
        console.print(f" - and {len(census.findings) - 8} more findings")
    console.print()
    console.print(Text(str(verdict)))


def _table(census: CensusRecord) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    twin = census.has_twin
    table.add_column("layer", no_wrap=True)
    table.add_column("units", justify="right")
    table.add_column("fate of the units", no_wrap=True)
    for name in ("distinct", *(["twin"] if twin else []), "rarefied", *(["twin"] if twin else []), "reliable"):
        table.add_column(name, justify="right", no_wrap=True)
    for _, row in census.layers.iterrows():
        cells: list[str | Text] = [_short(str(row["layer"])), str(row["width"]), bar(row), _distinct(row)]
        cells += [_number(row["twin_distinct"])] if twin else []
        cells += [_number(row["distinct_rarefied"], 1)]
        cells += [_number(row["twin_distinct_rarefied"], 1)] if twin else []
        table.add_row(*cells, _number(row["reliable"]))
    return table


def bar(row: pd.Series[Any]) -> Text:
    """The fractions of the four fates in BAR characters; a fate that some unit has is never left out."""
    counts = {fate: 0 if pd.isna(row[fate]) else int(row[fate]) for fate in reversed(FATES)}
    text = Text()
    for fate, cells in _cells(counts).items():
        text.append(GLYPHS[fate] * cells, style=COLOURS[fate])
    return text


def _cells(counts: dict[str, int]) -> dict[str, int]:
    total = sum(counts.values())
    if total == 0:
        return dict.fromkeys(counts, 0)
    cells = {fate: max(1, round(BAR * n / total)) if n else 0 for fate, n in counts.items()}
    largest = max(cells, key=lambda fate: cells[fate])
    cells[largest] += BAR - sum(cells.values())
    return cells


def _legend(census: CensusRecord) -> Text:
    text = Text()
    for fate in reversed(FATES):
        text.append(GLYPHS[fate], style=COLOURS[fate])
        text.append(f" {fate}  ")
    text.append(
        f"| [95 % interval] | rarefied to {census.provenance.rarefied_to} units | views: {census.provenance.views}"
    )
    return text


def _distinct(row: pd.Series[Any]) -> str:
    if pd.isna(row["distinct"]):
        return "-"
    mark = "" if row["status"] == "count" else "*"
    return escape(f"{row['distinct']}{mark} [{row['distinct_low']:.0f}-{row['distinct_high']:.0f}]")


def _number(value: Any, digits: int = 0) -> str:
    return "-" if pd.isna(value) else f"{float(value):.{digits}f}"


def _short(name: str, most: int = 26) -> str:
    return escape(name if len(name) <= most else f"{name[: most // 2 - 1]}..{name[-(most // 2 - 1) :]}")


def show_layers(layers: Sequence[Layer]) -> None:
    """Print every layer of a model and which are counted by default."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("counted", "layer", "kind", "role", "units", "unit axis", "shape of an example"):
        table.add_column(name, no_wrap=name != "shape of an example")
    for layer in layers:
        mark = "yes" if layer.default else ""
        axis = f"{layer.unit_axis} ({layer.axis_from})"
        shape = layer.problem or " x ".join(map(str, layer.shape))
        table.add_row(mark, escape(layer.name), layer.kind, layer.role, str(layer.width), escape(axis), escape(shape))
    console = Console(width=None if Console().is_terminal else 200, highlight=False)
    console.print(table)
    console.print(f"{sum(layer.default for layer in layers)} of {len(layers)} are counted by default")


def show_difference(difference: Difference) -> None:
    """Print what changed between two censuses."""
    console = Console(width=None if Console().is_terminal else WIDTH, highlight=False)
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("layer", "measure", "A", "B", "change", "significant"):
        table.add_column(name, justify="left" if name in ("layer", "measure") else "right")
    for _, row in difference.layers.iterrows():
        significant = "" if pd.isna(row["significant"]) else "yes" if row["significant"] else "no"
        cells = [_plain(row[name]) for name in ("a", "b", "change")]
        table.add_row(_short(str(row["layer"])), str(row["measure"]), *cells, significant)
    if len(difference.layers):
        console.print(table)
    else:
        console.print("No layer differs in any count.")
    for line in (*difference.settings, *difference.only):
        console.print(Text(line))
    console.print(f"answer: {difference.answers[0]} -> {difference.answers[1]}")


def _plain(value: Any) -> str:
    if pd.isna(value):
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
