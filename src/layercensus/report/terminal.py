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

from ..census.columns import twin_of
from ..census.findings import number_of
from ..census.record import CensusRecord
from ..census.status import COUNT
from ..data.done import in_words as done_to_inputs
from ..layers.layer import Layer
from ..layers.memory_format import in_words
from ..measures import Column
from ..verdict.diff import Difference
from ..verdict.verdict import Verdict
from .fates import LOOKS

WIDTH = 100
BAR = 20
STAR = "* less than a count: bound by the data, or too few examples; the column status says which"


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
    if _starred(census):
        console.print(Text(STAR))
    console.print(Text(f"inputs: {done_to_inputs(census.provenance.data)}"))
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
    columns = _columns(census)
    for column in columns.values():
        for heading in (column.terminal, *(["twin"] if twin and column.beside_twin else [])):
            table.add_column(heading, justify="right", no_wrap=True)
    ends = census.columns.intervals
    for _, row in census.layers.iterrows():
        cells: list[str | Text] = [_short(str(row["layer"])), str(row["width"]), bar(row)]
        for name, column in columns.items():
            if not column.beside_twin:
                cells.append(_number(row.get(name), column.decimals))
                continue
            cells.append(_compared(row, name, column, ends.get(name)))
            cells += [_number(row.get(twin_of(name)), column.decimals)] if twin else []
        table.add_row(*cells)
    return table


def _columns(census: CensusRecord) -> dict[str, Column]:
    """The columns of the terminal's table: first those with the twin's beside them."""
    chosen = census.columns.where(lambda column: column.terminal)
    chosen = {name: column for name, column in chosen.items() if _known(census, name)}
    return dict(sorted(chosen.items(), key=lambda item: not item[1].beside_twin))


def _known(census: CensusRecord, name: str) -> bool:
    """Whether the net or its twin has a value in some layer."""
    both = [column for column in (name, twin_of(name)) if column in census.layers]
    return bool(census.layers[both].notna().any().any())


def bar(row: pd.Series[Any]) -> Text:
    """The fractions of the four fates in BAR characters; a fate that some unit has is never left out."""
    counts = {fate: 0 if pd.isna(row[fate]) else int(row[fate]) for fate in LOOKS}
    text = Text()
    for fate, cells in _cells(counts).items():
        text.append(LOOKS[fate].glyph * cells, style=LOOKS[fate].colour)
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
    for fate, look in LOOKS.items():
        text.append(look.glyph, style=look.colour)
        text.append(f" {fate}  ")
    text.append(
        f"| [95 % interval] | rarefied to {number_of(census.provenance.rarefied_to, 'unit')} "
        f"| views: {census.provenance.views}"
    )
    return text


def _starred(census: CensusRecord) -> bool:
    """Whether some number of the table has a star."""
    compared = [name for name, column in _columns(census).items() if column.beside_twin and name in census.layers]
    shown = census.layers[[name for name in compared if name in census.columns.intervals]].notna().any(axis=1)
    return bool((shown & (census.layers["status"] != COUNT)).any())


def _compared(row: pd.Series[Any], name: str, column: Column, ends: tuple[str, str] | None) -> str:
    """A number with its interval where it has one; marked where it is only a bound."""
    number = _number(row.get(name), column.decimals)
    if ends is None or pd.isna(row.get(name)):
        return number
    mark = "" if row["status"] == COUNT else "*"
    low, high = (_number(row[end], column.decimals) for end in ends)
    return escape(f"{number}{mark} [{low}-{high}]")


def _number(value: Any, decimals: int) -> str:
    return "-" if pd.isna(value) else f"{float(value):.{decimals}f}"


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


def show_many(table: pd.DataFrame) -> None:
    """Print a row for each of many censuses."""
    console = Console(width=None if Console().is_terminal else WIDTH, highlight=False)
    shown = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in table.columns:
        shown.add_column(str(name), justify="left" if name in ("run", "model", "answer") else "right")
    for row in table.to_numpy():
        shown.add_row(*(escape(str(value)) for value in row))
    console.print(shown)


def _plain(value: Any) -> str:
    if pd.isna(value):
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
