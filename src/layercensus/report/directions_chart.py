"""The picture of the answer: what a net's answers need of each layer, and what of that it shares and learned."""

from __future__ import annotations

import altair as alt
import pandas as pd

from ..census.columns import of_net
from ..census.record import CensusRecord
from .picture import NETS, PALE, TEXT, Picture, drawn, ends_of, layer_axis

COUNTS = {"needed": "#9cc3e6", "shared": "#4477aa", "learned": "#2f9e52"}  # each is part of the one before it
UNTRAINED = "needed by an untrained net"
NUMBERED = 16  # layers up to which each bar has its number


def directions(census: CensusRecord) -> Picture | None:
    """A bar for each layer: needed directions, in it the shared and the learned ones; an untrained net's behind."""
    rows = [row for _, layer in census.layers.iterrows() for net in NETS for row in _rows(census, layer, net)]
    if not rows:
        return None
    data = pd.DataFrame(rows)
    table = data.pivot_table(index="layer", columns=["net", "count"], values="directions", sort=False, aggfunc="first")
    shown = data[(data["net"] == NETS["trained"]) | (data["count"] == "needed")]
    shown = shown.assign(what=[UNTRAINED if net != NETS["trained"] else count
                               for net, count in zip(shown["net"], shown["count"], strict=True)])  # fmt: skip
    return drawn(_chart(shown, len(census.layers)), data, table, height=320)


def _chart(data: pd.DataFrame, layers: int) -> alt.LayerChart | alt.FacetChart:
    """Behind each other, from the widest to the narrowest bar."""
    looks = {kind: colour for kind, colour in {UNTRAINED: PALE, **COUNTS}.items() if kind in set(data["what"])}
    base = alt.Chart(data).encode(x=layer_axis())
    colour = alt.Color(
        "what:N", title=None, sort=list(looks), scale=alt.Scale(domain=list(looks), range=list(looks.values())),
        legend=alt.Legend(orient="top", symbolType="square"),
    )  # fmt: skip
    y = alt.Y("directions:Q", title="directions", stack=None, axis=alt.Axis(format="d", tickMinStep=1))
    widths = [0.92 if kind == UNTRAINED else 0.6 for kind in looks]
    bars = [
        base.transform_filter(alt.datum.what == kind)
        .mark_bar(stroke=None, width={"band": width})
        .encode(y=y, color=colour)
        for kind, width in zip(looks, widths, strict=True)
    ]
    ends = ends_of(base.transform_filter("isValid(datum.low)").transform_filter(alt.datum.what != UNTRAINED))
    above = base.transform_filter(alt.datum.what == "needed").transform_calculate(
        above="isValid(datum.high) ? max(datum.high, datum.directions) : datum.directions"
    )
    numbers = above.mark_text(dy=-7, fontSize=12, color=TEXT).encode(y="above:Q", text="directions:Q")
    return alt.layer(*bars, ends, *([numbers] if layers <= NUMBERED else []))


def _rows(census: CensusRecord, layer: pd.Series, net: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for kind in COUNTS:
        name = of_net(kind, net)
        value = layer.get(name)
        if pd.isna(value):
            continue
        low, high = (layer.get(end) for end in census.columns.intervals.get(name, ("", "")))
        ends = {"low": None, "high": None} if pd.isna(low) else {"low": float(low), "high": float(high)}
        found.append({"layer": layer["layer"], "net": NETS[net], "count": kind, "directions": float(value)} | ends)
    return found
