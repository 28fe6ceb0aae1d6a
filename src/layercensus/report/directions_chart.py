"""The picture of the answer: the directions that a net's answers need of each layer, and those of them it learned."""

from __future__ import annotations

import altair as alt
import pandas as pd

from ..census.columns import of_net
from ..census.record import CensusRecord
from .picture import NETS, Picture, drawn, ends_of, layer_axis, net_opacity

COLOURS = {"needed": "#9cc3e6", "learned": "#1b7837"}


def directions(census: CensusRecord) -> Picture | None:
    """Bars, a layer each, an untrained net's beside: needed directions, and in front those that were learned."""
    rows = [row for _, layer in census.layers.iterrows() for net in NETS for row in _rows(census, layer, net)]
    if not rows:
        return None
    data = pd.DataFrame(rows)
    x, offset = layer_axis(), alt.XOffset("net:N", sort=list(NETS.values()))
    kinds = [kind for kind in COLOURS if kind in set(data["count"])]
    base = alt.Chart(data).encode(x=x, xOffset=offset)
    bars = base.mark_bar(stroke=None).encode(
        y=alt.Y("directions:Q", title="directions", stack=None, axis=alt.Axis(format="d", tickMinStep=1)),
        color=alt.Color(
            "count:N",
            title=None,
            sort=kinds,
            scale=alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds]),
            legend=alt.Legend(orient="top", symbolType="square"),
        ),
        opacity=net_opacity(census.has_twin),
        order=alt.Order("rank:Q"),
    )
    ends = ends_of(base.transform_filter("isValid(datum.low)"))
    table = data.pivot_table(index="layer", columns=["net", "count"], values="directions", sort=False, aggfunc="first")
    plain = data.drop(columns="rank")
    return drawn(bars + ends, len(census.layers), plain, table)


def _rows(census: CensusRecord, layer: pd.Series, net: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for rank, kind in enumerate(COLOURS):
        name = of_net(kind, net)
        value = layer.get(name)
        if pd.isna(value):
            continue
        low, high = (layer.get(end) for end in census.columns.intervals.get(name, ("", "")))
        ends = {"low": None, "high": None} if pd.isna(low) else {"low": float(low), "high": float(high)}
        row = {"layer": layer["layer"], "net": NETS[net], "count": kind, "directions": float(value), "rank": rank}
        found.append(row | ends)
    return found
