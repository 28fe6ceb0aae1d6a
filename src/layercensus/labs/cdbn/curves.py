"""The lab's curves, with the published numbers beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from ...census.columns import of_net
from ...report.picture import INK, NETS, Picture, svg
from .fewlabels import PUBLISHED as ERRORS
from .specificity import PUBLISHED as AREAS

PAPER = "published (Lee et al. 2009)"
COLOURS = ("#4477aa", "#cc6677", "#228833", "#aa7711", "#aa3377", "#55aabb")
SIZE = 200  # pixels of a small picture


def specificity_curves(objects: Sequence[Mapping[str, Any]]) -> Picture:
    """Mean area under the precision-recall curve by layer, a small picture for each set of classes."""
    rows = [
        {"set": set_of_classes["set"]} | {name: row[name] for name in ("class", "net", "layer", "area", "low", "high")}
        for set_of_classes in objects for row in set_of_classes["specificity"]
    ]  # fmt: skip
    rows += [
        {"set": PAPER, "class": name, "net": "trained", "layer": layer, "area": value, "low": value, "high": value}
        for name, values in AREAS.items() for layer, value in enumerate(values, 1)
    ]  # fmt: skip
    data = pd.DataFrame(rows)
    panels = [_panel(part, str(name)) for name, part in data.groupby("set", sort=False)]
    return Picture(svg(alt.hconcat(*panels).resolve_scale(color="independent")), data)


def _panel(data: pd.DataFrame, title: str) -> Any:
    names = list(dict.fromkeys(data["class"]))
    colour = alt.Color(
        "class:N", sort=names, title=None, scale=alt.Scale(domain=names, range=list(COLOURS[: len(names)])),
        legend=alt.Legend(orient="bottom", columns=2, symbolType="square"),
    )  # fmt: skip
    base = alt.Chart(data).encode(
        x=alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0)), color=colour,
        y=alt.Y("area:Q", title="mean area under precision-recall", scale=alt.Scale(domain=[0, 1])),
    )  # fmt: skip
    dash = alt.StrokeDash(
        "net:N", sort=["trained", "untrained twin"], title=None,
        scale=alt.Scale(domain=["trained", "untrained twin"], range=[[1, 0], [4, 3]]),
        legend=alt.Legend(orient="bottom", symbolStrokeColor=INK),
    )  # fmt: skip
    lines = base.mark_line().encode(strokeDash=dash)
    shown = alt.datum.net == "trained"
    points = base.transform_filter(shown).mark_point(filled=True, size=28)
    bars = base.transform_filter(shown).mark_rule(strokeWidth=1.4).encode(y="low:Q", y2="high:Q")
    return (lines + points + bars).properties(
        width=SIZE, height=SIZE + 60, title=alt.TitleParams(title, color=INK, fontSize=12)
    )


def label_curves(table: Sequence[Mapping[str, Any]]) -> Picture:
    """Error in per cent by number of labels, a line for each kind of features."""
    rows = [
        {"features": row["features"], "labels": row["labels"], "error": 100 * row["mean"],
         "low": 100 * max(row["mean"] - row["std"], 0), "high": 100 * (row["mean"] + row["std"])} for row in table
    ]  # fmt: skip
    most = max(row["labels"] for row in rows)
    rows += [{"features": PAPER, "labels": n, "error": e, "low": e, "high": e} for n, e in ERRORS.items() if n <= most]
    data = pd.DataFrame(rows)
    names = list(dict.fromkeys(data["features"]))
    ticks = sorted(set(data["labels"]))
    colour = alt.Color(
        "features:N", sort=names, title=None, scale=alt.Scale(domain=names, range=list(COLOURS[: len(names)])),
        legend=alt.Legend(orient="top", symbolType="square"),
    )  # fmt: skip
    base = alt.Chart(data).encode(
        x=alt.X("labels:Q", title="labels", scale=alt.Scale(type="log"), axis=alt.Axis(values=ticks, format="d")),
        color=colour,
    )  # fmt: skip
    error = alt.Y("error:Q", title="test error, %", scale=alt.Scale(zero=True))
    lines = base.mark_line(point=alt.OverlayMarkDef(size=30)).encode(y=error)
    bars = base.mark_rule(strokeWidth=1.4).encode(y=alt.Y("low:Q", title="test error, %"), y2="high:Q")
    return Picture(svg((lines + bars).properties(width=560, height=280)), data)


def information_curves(objects: Sequence[Mapping[str, Any]]) -> Picture:
    """Mean information about the class in a single feature, by layer."""
    rows = [
        {"set": set_of_classes["set"], "net": row["net"], "layer": row["layer"], "bits": row["mutual"] - row["chance"],
         "mutual": row["mutual"], "chance": row["chance"], "conditional": row["conditional"], "entropy": row["entropy"]}
        for set_of_classes in objects for row in set_of_classes["information"]
    ]  # fmt: skip
    data = pd.DataFrame(rows)
    base = alt.Chart(data).mark_line(point=True).encode(
        x=alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("bits:Q", title="bits about the class, less chance"),
        color=alt.Color(
            "net:N", title=None, scale=alt.Scale(domain=["trained", "untrained twin"], range=["#4477aa", "#bb5566"]),
            legend=alt.Legend(orient="top"),
        ),
    )  # fmt: skip
    return Picture(svg(_faceted(base, "set", data)), data)


def census_curves(census: Mapping[str, Sequence[Mapping[str, Any]]]) -> Picture | None:
    """Distinct units / width and the nonlinear dimension by layer, trained and twin."""
    rows = []
    for name, layers in census.items():
        for layer in layers:
            for net, title in NETS.items():
                value, width = layer.get(of_net("distinct", net)), layer.get("width")
                if value is not None and width:
                    rows.append(
                        {"stack": name, "layer": _short(str(layer["layer"])), "net": title, "share": value / width}
                    )
    if not rows:
        return None
    data = pd.DataFrame(rows)
    base = alt.Chart(data).mark_line(point=True).encode(
        x=alt.X("layer:N", sort=None, title=None, axis=alt.Axis(labelAngle=-40)),
        y=alt.Y("share:Q", title="distinct / width", scale=alt.Scale(domain=[0, 1])),
        color=alt.Color(
            "net:N", title=None, scale=alt.Scale(domain=["trained", "untrained twin"], range=["#4477aa", "#bb5566"]),
            legend=alt.Legend(orient="top"),
        ),
    )  # fmt: skip
    return Picture(svg(_faceted(base, "stack", data)), data)


def _faceted(base: Any, column: str, data: pd.DataFrame) -> Any:
    order = list(dict.fromkeys(data[column]))
    header = alt.Header(labelColor=INK, labelFontSize=12)
    return (
        base.properties(width=SIZE, height=SIZE)
        .facet(facet=alt.Facet(f"{column}:N", sort=order, title=None, header=header), columns=5)
        .resolve_scale(x="independent")
    )


def _short(layer: str) -> str:
    """`layer.0.detection` as people count: "1 detection"."""
    _, number, kind = layer.split(".")
    return f"{int(number) + 1} {kind}"
