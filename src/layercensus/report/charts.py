"""The pictures of a whole census."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from ..census.columns import of_net, resamples_of
from ..census.findings import number_of
from ..census.record import CensusRecord
from ..measures import FATES
from ..measures.interval import interval
from .fates import LOOKS
from .picture import NETS, Picture, drawn, ends_of, layer_axis, net_colours, net_opacity

DIMENSION_COLOURS = ["#bb5566", "#4477aa", "#ddaa33", "#228833", "#66ccee", "#aa3377"]


def fates(census: CensusRecord, fraction: bool) -> Picture | None:
    """Stacked bars, a layer each, the untrained twin beside: how many units (or which fraction) have which fate."""
    data = _fates(census, fraction)
    if len(data) == 0:
        return None
    x = layer_axis()
    offset = alt.XOffset("net:N", sort=list(NETS.values()))
    title = "fraction of the layer's units" if fraction else "units"
    bars = (
        alt.Chart(data)
        .mark_bar(stroke=None)
        .encode(
            x=x,
            xOffset=offset,
            y=alt.Y(
                "units:Q",
                title=title,
                stack="zero",
                axis=alt.Axis(format="%" if fraction else "d", tickMinStep=0.1 if fraction else 1),
            ),
            color=alt.Color(
                "fate:N",
                sort=list(LOOKS),
                title=None,
                scale=alt.Scale(domain=list(LOOKS), range=[look.colour for look in LOOKS.values()]),
                legend=alt.Legend(orient="top", symbolType="square"),
            ),
            opacity=net_opacity(),
            order=alt.Order("rank:Q"),
        )
    )
    ticks = ends_of(alt.Chart(_intervals(census, fraction)).encode(x=x, xOffset=offset))
    table = data.pivot_table(index="layer", columns=["net", "fate"], values="units", sort=False, aggfunc="first")
    return drawn(bars + ticks, data.drop(columns="rank"), table)


def _fates(census: CensusRecord, fraction: bool) -> pd.DataFrame:
    rows = []
    for _, layer in census.layers.iterrows():
        for net in NETS:
            for fate in FATES:
                n = layer.get(of_net(fate, net))
                if not pd.isna(n):
                    rank = list(LOOKS).index(fate)
                    units = float(n) / (float(layer["width"]) if fraction else 1)
                    rows.append({"layer": layer["layer"], "net": NETS[net], "fate": fate, "units": units, "rank": rank})
    return pd.DataFrame(rows)


def _intervals(census: CensusRecord, fraction: bool) -> pd.DataFrame:
    rows, ends = [], census.columns.intervals
    for _, layer in census.layers.iterrows():
        for net in NETS:
            low, high = (layer.get(end) for end in ends.get(of_net("distinct", net), ("", "")))
            if not pd.isna(low):
                scale = float(layer["width"]) if fraction else 1.0
                rows.append(
                    {"layer": layer["layer"], "net": NETS[net], "low": float(low) / scale, "high": float(high) / scale}
                )
    return pd.DataFrame(rows)


def rarefied(census: CensusRecord) -> Picture | None:
    """Distinct units among equally many random units of every layer (rarefied), with intervals, twin beside."""
    rows = []
    for _, layer in census.layers.iterrows():
        for net in NETS:
            value = layer.get(of_net("distinct_rarefied", net))
            replicates = census.array(str(layer["layer"]), resamples_of("rarefied"), net)
            if pd.isna(value) or replicates is None:
                continue
            low, high = interval(float(value), np.asarray(replicates))
            rows.append({"layer": layer["layer"], "net": NETS[net], "distinct": float(value), "low": low, "high": high})
    if not rows:
        return None
    data = pd.DataFrame(rows)
    base = alt.Chart(data).encode(
        x=layer_axis(),
        color=net_colours(data["net"]),
    )
    title = f"distinct, rarefied to {number_of(census.provenance.rarefied_to, 'unit')}"
    y = alt.Y("distinct:Q", title=title, scale=alt.Scale(zero=True))
    table = data.pivot_table(index="layer", columns="net", values=["distinct", "low", "high"], sort=False)
    lines = base.mark_line(point=True).encode(y=y)
    return drawn(lines + base.mark_rule(strokeWidth=1.4).encode(y="low:Q", y2="high:Q"), data, table)


def rarefaction(census: CensusRecord) -> Picture | None:
    """Distinct units expected among 1, 2, ... random units of a layer: a line a hidden layer, coloured by depth."""
    rows = []
    for _, layer in census.layers[census.layers["role"] != "output"].iterrows():
        for net, title in NETS.items():
            sizes = census.array(str(layer["layer"]), "rarefaction_draws", net)
            expected = census.array(str(layer["layer"]), "rarefaction", net)
            if sizes is not None and expected is not None:
                curve = {"layer": layer["layer"], "depth": float(layer["depth"]), "net": title}
                rows += [curve | {"units": int(m), "distinct": float(e)} for m, e in zip(sizes, expected, strict=True)]
    if not rows:
        return None
    data = pd.DataFrame(rows)
    lines = (
        alt.Chart(data)
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("units:Q", title="random units", scale=alt.Scale(type="log", nice=False)),
            y=alt.Y("distinct:Q", title="distinct units expected", scale=alt.Scale(type="symlog")),
            color=alt.Color("depth:Q", title="depth", scale=alt.Scale(scheme="viridis", domain=[0, 1])),
            detail="layer:N",
            strokeDash=alt.StrokeDash("net:N", title=None, sort=list(NETS.values())),
        )
    )
    return drawn(lines, data)


def dimensions(census: CensusRecord) -> Picture | None:
    """Nonlinear and linear dimension over depth, the untrained twin's dashed."""
    columns = census.columns.where(lambda column: column.legend)
    rows = []
    for index, (_, layer) in enumerate(census.layers.iterrows()):
        for net, title in NETS.items():
            for name, column in columns.items():
                value = layer.get(of_net(name, net))
                if not pd.isna(value):
                    row = {"layer": layer["layer"], "index": index, "net": title}
                    rows.append(row | {"measure": column.legend, "dimension": float(value)})
    if not rows:
        return None
    data = pd.DataFrame(rows)
    base = alt.Chart(data).encode(
        x=layer_axis(),
        y=alt.Y("dimension:Q", title="dimensions", scale=alt.Scale(type="symlog")),
        color=alt.Color(
            "measure:N",
            title=None,
            scale=alt.Scale(domain=[column.legend for column in columns.values()], range=DIMENSION_COLOURS),
            legend=alt.Legend(orient="top", symbolType="square"),
        ),
    )
    dash = alt.StrokeDash("net:N", title=None, sort=list(NETS.values()), legend=alt.Legend(orient="top"))
    table = data.pivot_table(index="layer", columns=["measure", "net"], values="dimension", sort=False)
    points = base.mark_point(size=14, filled=True).encode(detail="net:N")
    both = base.mark_line().encode(strokeDash=dash) + points
    return drawn(both, data.drop(columns="index"), table)
