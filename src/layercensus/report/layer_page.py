"""What the page of one layer shows: its counts, its curves, and its units grouped by concept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from ..census import Census
from ..columns import layer_meanings, unit_meanings
from ..settings import RELIABILITY_GRID, TAU_GRID
from ..verdict import place_of_cuts
from .cells import cell, shown
from .picture import NETS, Picture, net_colours, svg

UNITS = (
    "unit", "fate", "representative", "reliability", "firing_rate", "mean", "std", "eta2",
    "replication", "r2_rest",
)  # fmt: skip
TOP = 5  # ids of examples named with each unit


@dataclass(frozen=True)
class Row:
    """One unit of the table."""

    unit: int
    cells: tuple[str, ...]
    top: tuple[str, ...]


def layer_page(census: Census, place: int) -> dict[str, Any]:
    """Everything that the template of one layer's page needs, but for its pictures."""
    layer = census.layers.iloc[place]
    units = census.units[census.units["layer"] == layer["layer"]]
    columns = [name for name in UNITS if name in units and units[name].notna().any()]
    size = units["representative"].value_counts()
    facts = [n for n in census.layers.columns if not n.startswith("twin_") and _said(layer, n, f"twin_{n}")]
    facts = [f for f in facts if not f.endswith(("_low", "_high")) and f != "layer"]
    meanings = layer_meanings()
    return {
        "layer": layer,
        "facts": [(f, cell(layer, f), cell(layer, f"twin_{f}"), meanings[f]) for f in facts],
        "columns": columns,
        "meanings": unit_meanings(),
        "concepts": int((size > 1).sum()),
        "compared": bool(size.sum()),
        "rows": [_row(unit, columns) for unit in units.loc[_order(units, size)].to_dict("records")],
    }


def _said(layer: pd.Series[Any], *names: str) -> bool:
    values = [layer.get(name) for name in names]
    return any(value is not None and not pd.isna(value) and value != "" for value in values)


def _order(units: pd.DataFrame, size: pd.Series[Any]) -> pd.Index[Any]:
    """Units of one concept stand together, the largest concepts first; then what has none, by fate."""
    members = units["representative"].map(size).fillna(0).astype(int)
    keys = pd.DataFrame({
        "fate": units["fate"].map({"distinct": 0, "duplicate": 0, "noise": 1, "dead": 3}).fillna(2),
        "members": -members,
        "concept": units["representative"].fillna(-1).astype(int),
        "own": units["unit"] != units["representative"],
        "unit": units["unit"],
    })  # fmt: skip
    return keys.fillna({"own": True}).sort_values(list(keys.columns)).index


def _row(unit: dict[Any, Any], columns: list[str]) -> Row:
    top = tuple(shown(id) for id in unit["top"][:TOP])
    return Row(int(unit["unit"]), tuple(cell(unit, name) for name in columns), top)


def layer_picture(census: Census, place: int) -> Picture | None:
    """Distinct units over both cuts, and the spectrum where it was taken; trained net and twin."""
    name = str(census.layers["layer"].iloc[place])
    curves, eigenvalues = _curves(census, name), _spectrum(census, name)
    if not len(curves):
        return None
    parts = [_lines(curves[curves["cut"] == cut], cut) for cut in dict.fromkeys(curves["cut"])]
    if len(eigenvalues):
        parts.append(
            alt.Chart(eigenvalues).mark_line().encode(
                x=alt.X("number:Q", title="eigenvalue number", scale=alt.Scale(type="log")),
                y=alt.Y("share:Q", title="share of variance", scale=alt.Scale(type="log")),
                color=net_colours(eigenvalues["net"]),
            ).properties(width=260, height=220)
        )  # fmt: skip
    return Picture(svg(alt.hconcat(*parts).resolve_scale(y="independent")), pd.concat([curves, eigenvalues]))


def _lines(data: pd.DataFrame, cut: str) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("value:Q", title=cut, scale=alt.Scale(zero=False)),
            y=alt.Y("distinct:Q", title="distinct units"),
            color=net_colours(data["net"]),
        )
        .properties(width=260, height=220)
    )
    return chart


def _curves(census: Census, layer: str) -> pd.DataFrame:
    """Distinct units along each of the two cuts, the other being as it was set."""
    i, j = place_of_cuts(census)
    rows = []
    for net, title in NETS.items():
        grid = census.array(layer, "distinct_grid", net)
        if grid is None:
            continue
        for cut, values, counts in (
            ("reliability at least", RELIABILITY_GRID, grid[:, j]),
            ("one concept from abs(correlation)", TAU_GRID, grid[i]),
        ):
            pairs = zip(values, counts, strict=True)
            rows += [{"net": title, "cut": cut, "value": v, "distinct": int(n)} for v, n in pairs]
    return pd.DataFrame(rows)


def _spectrum(census: Census, layer: str) -> pd.DataFrame:
    rows = []
    for net, title in NETS.items():
        values = census.array(layer, "spectrum", net)
        if values is not None and values.sum() > 0:
            shares = values / values.sum()
            pairs = enumerate(shares[shares > 1e-9], 1)
            rows += [{"net": title, "number": k, "share": float(s)} for k, s in pairs]
    return pd.DataFrame(rows)
