"""What the page of one layer shows: its counts, its curves, and its units grouped by concept."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import pandas as pd

from ..census.columns import intervals, twin_of
from ..census.record import CensusRecord
from ..gallery.gallery import RANKS, Strip
from ..measures import Column
from ..settings import RELIABILITY_GRID, TAU_GRID
from ..verdict.sensitivity import index_of_thresholds
from .cells import cell, css, heading, shown
from .fates import LOOKS, UNJUDGED
from .lines import Plot, Point, plots
from .picture import NET_COLOURS, NETS, Picture
from .tiles import Examples, Sheet, Tile
from .token_words import Words
from .unit_words import sentences

FRAME, ROW = 30_000, 880  # bytes of a page and of each unit's row, without pictures
MOST = 2000  # units that a page shows: more than that is no page but a table
HIGH = 8  # of a histogram, in the units of its drawing


@dataclass(frozen=True)
class Histogram:
    """How often a unit responds how much: an outline, and the range from its left to its right end."""

    path: str  # SVG
    range: str


@dataclass(frozen=True)
class Row:
    """One unit of the table."""

    unit: int
    cells: tuple[str, ...]
    top: tuple[str, ...]  # ids
    tiles: tuple[Tile, ...]
    words: tuple[Words, ...]
    histogram: Histogram | None
    visualisation: Tile | None = None
    score: str = ""  # of the optimised image
    failed: str = ""  # why it failed
    name: str = ""  # of the concept that it tells
    says: str = ""  # what is known of it, in sentences


def layer_page(
    census: CensusRecord, index: int, examples: Examples, sheet: Sheet | None, visualisations: Sheet | None = None
) -> dict[str, Any]:
    """All that the template of a layer's page needs, but for its pictures. sheet, visualisations: from `*_sheet`."""
    layer = census.layers.iloc[index]
    units = census.units[census.units["layer"] == layer["layer"]]
    shown = [name for name, column in census.columns.units.items() if column.shown]
    columns = [name for name in shown if name in units and units[name].notna().any()]
    size = units["representative"].value_counts()
    order = _order(units, size)
    return {
        "layer": layer,
        "facts": _facts(census, layer),
        "columns": columns,
        "meanings": census.columns.units,
        "css": css,
        "heading": heading,
        "concepts": int((size > 1).sum()),
        "compared": bool(size.sum()),
        "rows": _rows(census, units.loc[order], columns, examples, sheet, visualisations),
        "units": len(units),
        "anchors": set(units.loc[order, "unit"]),
        "sheet": sheet,
        "visualisations": visualisations,
        "spoken": examples.spoken,
        "visible": _visible(examples, str(layer["layer"])),
        "gallery": examples.gallery,
    }


def _facts(census: CensusRecord, layer: pd.Series[Any]) -> list[tuple[str, str, str, Column]]:
    """Every number of the layer that it or its twin has: name, the layer's own, the twin's, what it means."""
    ends = census.columns.intervals

    def value(name: str) -> str:
        return cell(layer, name, ends.get(name))

    return [
        (heading(name, column), value(name), value(twin_of(name)), column)
        for name, column in census.columns.layers.items()
        if name != "layer" and not column.bound_of and _has_value(layer, name, twin_of(name))
    ]


def visualisation_sheet(census: CensusRecord, index: int, examples: Examples) -> Sheet | None:
    """The optimised images of a layer's units, in the order of its page."""
    name = census.layers["layer"].iloc[index]
    units = census.units[census.units["layer"] == name]
    ordered = units.loc[_order(units, units["representative"].value_counts())]
    return examples.visualisations(str(name), [int(unit) for unit in ordered["unit"]])


def layer_sheet(census: CensusRecord, index: int, examples: Examples, room: int) -> Sheet | None:
    """The crops of a layer's units in the order of its page, both in at most `room` bytes where that can be."""
    name = census.layers["layer"].iloc[index]
    units = census.units[census.units["layer"] == name]
    ordered = units.loc[_order(units, units["representative"].value_counts())]
    tops = [top[:RANKS] for top in ordered["top"]]
    rest = FRAME + ROW * len(ordered)
    return examples.sheet(str(name), [int(unit) for unit in ordered["unit"]], tops, room - rest)


def _visible(examples: Examples, layer: str) -> str:
    """What a position of the layer's map can see of an example, in words."""
    field, side = examples.gallery.fields.get(layer), examples.gallery.side
    if not examples.pictured or field is None or not any(field.lines):
        return ""
    sizes = [n if along is None else int(along[1].size) for along, n in zip(field.lines, side, strict=True)]
    whole, corners = tuple((0, n) for n in side), (0, prod(field.shape) - 1)
    if all(field.window(position, side) == whole for position in corners):
        return ""
    unit = "pixels" if len(side) == 2 else "samples"
    rest = ", and through a gate or a normalisation, which is not shown, the rest as well" if field.beyond else ""
    return f"{' x '.join(map(str, sizes))} of {' x '.join(map(str, side))} {unit}{rest}"


def _has_value(layer: pd.Series[Any], *names: str) -> bool:
    values = [layer.get(name) for name in names]
    return any(value is not None and not pd.isna(value) and value != "" for value in values)


def _order(units: pd.DataFrame, size: pd.Series[Any]) -> pd.Index[Any]:
    """Units of one concept stand together, the largest concepts first; then what has none, by fate; at most `MOST`."""
    members = units["representative"].map(size).fillna(0).astype(int)
    keys = pd.DataFrame({
        "fate": units["fate"].map({fate: look.place for fate, look in LOOKS.items()}).fillna(UNJUDGED),
        "members": -members,
        "concept": units["representative"].fillna(-1).astype(int),
        "own": units["unit"] != units["representative"],
        "unit": units["unit"],
    })  # fmt: skip
    return keys.fillna({"own": True}).sort_values(list(keys.columns)).index[:MOST]


def _rows(
    census: CensusRecord,
    units: pd.DataFrame,
    columns: list[str],
    examples: Examples,
    sheet: Sheet | None,
    visualisations: Sheet | None,
) -> list[Row]:
    name = str(units["layer"].iloc[0]) if len(units) else ""
    strip = census.gallery.strips.get(name)
    rows, ends = [], intervals(census.columns.units)
    clusters = {head: [str(unit) for unit in some] for head, some in units.groupby("representative")["unit"]}
    for row, unit in enumerate(units.to_dict("records")):
        number, top = int(unit["unit"]), unit["top"][:RANKS]
        tiles = sheet.tiles[row] if sheet is not None else ()
        words = examples.words(name, number, top) if examples.spoken else ()
        histogram = None if strip is None or unit["fate"] == "dead" else _histogram(strip, number)
        cells = tuple(cell(unit, column, ends.get(column)) for column in columns)
        ids = tuple(shown(id) for id in top)
        picture = visualisations.tiles[row][0] if visualisations is not None and visualisations.tiles[row] else None
        score, failed = _score(examples, name, number) if picture is not None else ("", "")
        concept = unit.get("concept")
        told = str(concept) if isinstance(concept, str) else ""
        others = [other for other in clusters.get(number, ()) if other != str(number)]
        says = " ".join(filter(None, (sentences(unit, others), examples.driving.sentence(unit["top"]))))
        rows.append(Row(number, cells, ids, tiles, words, histogram, picture, score, failed, told, says))
    return rows


def _score(examples: Examples, layer: str, unit: int) -> tuple[str, str]:
    """The score of a unit's optimised image in few words, and why it failed."""
    score = examples.gallery.visualisations[layer, unit].score
    parts = [f"{score['percentile']:.0f} %"] if score["percentile"] is not None else []
    parts += [f"x {score['ratio']:.1f}"] if score["ratio"] is not None else []
    parts += [f"kept {max(0.0, score['kept']):.0%}"] if score["kept"] is not None else []
    return ", ".join(parts), str(score["status"])


def _histogram(strip: Strip, unit: int) -> Histogram | None:
    """Heights are square roots of counts, so that rare responses show beside a peak at zero."""
    counts = strip.counts[unit]
    if counts.sum() == 0 or strip.high[unit] <= strip.low[unit]:
        return None
    tops = (HIGH - (HIGH * (counts / counts.max()) ** 0.5).round(1)).tolist()
    path = f"M0 {HIGH}" + "".join(f"V{top:g}h1" for top in tops) + f"V{HIGH}z"
    return Histogram(path, f"{strip.low[unit]:.3g} to {strip.high[unit]:.3g}")


def layer_picture(census: CensusRecord, index: int) -> Picture | None:
    """Distinct units over both thresholds, and the spectrum where it was measured; trained net and twin."""
    name = str(census.layers["layer"].iloc[index])
    curves, eigenvalues = _curves(census, name), _spectrum(census, name)
    if not len(curves):
        return None
    parts = [
        Plot(str(threshold), "distinct units", _by_net(some, "value", "distinct"))
        for threshold, some in curves.groupby("threshold", sort=False)
    ]
    if len(eigenvalues):
        by_net = _by_net(eigenvalues, "number", "fraction")
        parts.append(Plot("eigenvalue number", "fraction of variance", by_net, log=True))
    return Picture(plots(parts), pd.concat([curves, eigenvalues]))


def _by_net(data: pd.DataFrame, across: str, up: str) -> dict[str, tuple[str, list[Point]]]:
    """The lines of the trained net and, where it is there, of its twin."""
    colours = dict(zip(NETS.values(), NET_COLOURS, strict=True))
    nets = {str(net): some for net, some in data.groupby("net", sort=False)}
    return {net: (colours[net], list(zip(some[across], some[up], strict=True))) for net, some in nets.items()}


def _curves(census: CensusRecord, layer: str) -> pd.DataFrame:
    """Distinct units along each of the two thresholds, the other being as it was set."""
    i, j = index_of_thresholds(census)
    rows = []
    for net, title in NETS.items():
        grid = census.array(layer, "distinct_grid", net)
        if grid is None:
            continue
        for threshold, values, counts in (
            ("reliability at least", RELIABILITY_GRID, grid[:, j]),
            ("one concept from abs(correlation)", TAU_GRID, grid[i]),
        ):
            pairs = zip(values, counts, strict=True)
            rows += [{"net": title, "threshold": threshold, "value": v, "distinct": int(n)} for v, n in pairs]
    return pd.DataFrame(rows)


def _spectrum(census: CensusRecord, layer: str) -> pd.DataFrame:
    rows = []
    for net, title in NETS.items():
        values = census.array(layer, "spectrum", net)
        if values is not None and values.sum() > 0:
            fractions = values / values.sum()
            pairs = enumerate(fractions[fractions > 1e-9], 1)
            rows += [{"net": title, "number": k, "fraction": float(s)} for k, s in pairs]
    return pd.DataFrame(rows)
