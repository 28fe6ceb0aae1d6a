"""What commands other than a count print: layers of a model, two censuses, many censuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..layers.layer import Layer
from ..verdict.diff import Difference
from .terminal_table import WIDTH, short


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
        table.add_row(short(str(row["layer"])), str(row["measure"]), *cells, significant)
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
