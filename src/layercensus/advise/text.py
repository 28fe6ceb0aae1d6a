"""Advice as text: the nets that are left, what each layer can spare, and what was withheld."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100
TITLES = {
    "prune": "Units that can go, a layer by itself", "compress": "Layers of low rank, each by itself",
    "remove": "Blocks whose branch can go, each by itself",
}  # fmt: skip
WHAT = {"prune": "pruned", "compress": "low rank", "remove": "blocks removed"}
MOST = 12  # reasons that are printed


def as_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Without colours, at 100 columns. tables: those of an `Advice`, by name."""
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False, color_system=None)
    for part in _parts(tables):
        console.print(part)
    return str(console.file.getvalue()).rstrip()  # type: ignore[attr-defined]


def _parts(tables: Mapping[str, pd.DataFrame]) -> Iterator[Table | Text]:
    if len(tables["together"]):
        yield _table("All together, as nets that run", _together(tables["together"]))
    for name, title in TITLES.items():
        if len(table := tables[name]):
            yield _table(title, _items(table))
    if len(tables["probe"]):
        yield _table("What a linear probe reads from each layer", _probe(tables["probe"]))
    if len(tables["freeze"]):
        last = tables["freeze"].iloc[-1]
        said = (
            f"Freeze up to {last['layer']}: nothing was learned there. A probe reads {last['accuracy']:.1%} from it, "
        )
        yield Text(said + f"{last['random']:.1%} from random features.")
    withheld = tables["withheld"]
    for row in withheld.head(MOST).itertuples():
        yield Text(f"- not advised: {row.part}{f' {row.layer}' if row.layer else ''}: {row.why}")
    if len(withheld) > MOST:
        yield Text(f"- and {len(withheld) - MOST} more that were not advised")


def _table(title: str, rows: Iterable[dict[str, str]]) -> Table:
    rows = list(rows)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for at, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if at == 0 else "right")
    for row in rows:
        table.add_row(*row.values())
    return table


def _together(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    for row in table.to_dict("records"):
        yield {
            "net": WHAT[row["what"]], "asked": f"{row['asked']:g}", "layers": str(row["layers"]), **_effect(row),
            "parameters": f"{row['parameters'] / row['parameters_before']:.0%}",
            "FLOPs": f"{row['flops'] / max(1, row['flops_before']):.0%}",
            "time": f"{row['seconds'] / row['seconds_before']:.0%}",
        }  # fmt: skip


def _items(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    for row in table.to_dict("records"):
        yield {
            "layer": row["layer"], "what": row["what"], "asked": f"{row['asked']:g}",
            "of": f"{row['before']:,}", "stay": f"{row['after']:,}", **_effect(row),
        }  # fmt: skip


def _effect(row: dict[str, float]) -> dict[str, str]:
    found = {"fidelity": f"{row['fidelity']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"}
    if not math.isnan(row["agreement"]):
        found["agrees"] = f"{row['agreement']:.1%}"
    if not math.isnan(row["accuracy"]):
        found["accuracy"] = f"{row['accuracy_before']:.1%} -> {row['accuracy']:.1%}"
    return found


def _probe(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    for row in table.to_dict("records"):
        said = "best" if row["best"] else "as good" if row["as_good"] else ""
        yield {
            "layer": row["layer"],
            "accuracy": f"{row['accuracy']:.1%} [{row['low']:.1%}, {row['high']:.1%}]",
            "": said,
        }
