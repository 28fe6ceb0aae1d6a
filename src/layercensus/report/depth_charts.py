"""Every measure over depth, each a small chart of its own with the measure in words; families of layers apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import altair as alt
import pandas as pd

from ..census.columns import of_net
from ..census.record import CensusRecord
from ..measures import Column
from .picture import NETS, Picture, net_colours, svg

FAMILIES = {"neurons": "nonlinearities", "block": "outputs of blocks", "output": "output"}
WIDTH, HEIGHT, AXIS = 300, 120, 40  # pixels of all panels of one measure, and left of them


@dataclass(frozen=True)
class Small:
    """The chart of one measure. words: what it counts. name: of its column."""

    name: str
    words: str
    described: str
    picture: Picture


def over_depth(census: CensusRecord) -> tuple[list[Small], pd.DataFrame]:
    """A small chart for each column that is drawn over depth, the untrained twin beside; and all their numbers."""
    columns = census.columns.where(lambda column: column.over_depth and column.numeric)
    found = [(name, column, pd.DataFrame(_rows(census, name, column))) for name, column in columns.items()]
    known = [(name, column, data) for name, column, data in found if len(data)]
    charts = [Small(name, _words(column), column.described, _small(data)) for name, column, data in known]
    every = [data.assign(measure=f"{name} / width" if column.per_unit else name) for name, column, data in known]
    return charts, pd.concat(every, ignore_index=True)[
        ["layer", "net", "measure", "value"]
    ] if every else pd.DataFrame()


def _rows(census: CensusRecord, name: str, column: Column) -> Iterator[dict[str, object]]:
    several = census.layers["role"].isin(["neurons", "block"])
    both = census.layers["role"][several].nunique() > 1
    for index, (_, layer) in enumerate(census.layers.iterrows(), 1):
        family = FAMILIES.get(str(layer["role"]), "") if both else ""
        for net, title in NETS.items():
            value = layer.get(of_net(name, net))
            if not pd.isna(value) and not (both and family == FAMILIES["output"]):
                scaled = float(value) / (layer["width"] if column.per_unit else 1)
                yield {"layer": layer["layer"], "index": index, "family": family, "net": title, "value": scaled}


def _words(column: Column) -> str:
    """The first clause of what a column means."""
    words = re.split(r"[:;(]", column.meaning)[0].strip()
    return words + (", of the layer's width" if column.per_unit else "")


def _small(data: pd.DataFrame) -> Picture:
    """Panels of one measure, with the plots of all measures below each other where the panels are as many."""
    families = list(dict.fromkeys(data["family"]))
    width = (WIDTH - 12 * (len(families) - 1)) // len(families)
    axis = alt.Axis(minExtent=AXIS, maxExtent=AXIS, tickCount=4)
    x = alt.X(
        "index:Q",
        title="layer",
        axis=alt.Axis(tickMinStep=1, format="d", tickCount=5),
        scale=alt.Scale(nice=False, zero=False),
    )
    colour = net_colours(NETS.values(), legend=False)
    lines = (
        alt.Chart(data).mark_line(point=alt.OverlayMarkDef(size=12))
        .encode(x=x, y=alt.Y("value:Q", title=None, axis=axis), color=colour)
        .properties(width=width, height=HEIGHT)
    )  # fmt: skip
    if len(families) > 1:
        column = alt.Column("family:N", sort=families, title=None, spacing=12, header=alt.Header(labelColor="#7a7f87"))
        lines = lines.encode(column=column).resolve_scale(x="independent")
    return Picture(svg(lines), data)
