"""The pictures of the identity lab's numbers."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from ...census.columns import of_net
from ...report.picture import INK, NETS, Picture, svg
from .layers import READ, SEEN

COPY, RECITE = "#4477aa", "#bb5566"
ENDS = {"identity": "with the input (identity)", "constant": "with the training image (constant)"}


def over_depth(nets: pd.DataFrame) -> Picture:
    """Correlation of the output with the input and with the training image: a point a net, a line through the means."""
    long = nets.melt(["depth", "seed"], list(ENDS), var_name="end", value_name="correlation").replace({"end": ENDS})
    colour = alt.Color(
        "end:N", title=None, sort=list(ENDS.values()), legend=alt.Legend(orient="top", labelLimit=300),
        scale=alt.Scale(domain=list(ENDS.values()), range=[COPY, RECITE]),
    )  # fmt: skip
    x = alt.X("depth:Q", title="layers of the net", axis=alt.Axis(tickMinStep=1, format="d"))
    scale, title = alt.Scale(domain=[min(0.0, _low(long)), 1]), "correlation of the output"
    base = alt.Chart(long).encode(x=x, color=colour)
    lines = base.mark_line(strokeWidth=2).encode(y=alt.Y("mean(correlation):Q", title=title, scale=scale))
    points = base.mark_point(size=26).encode(y=alt.Y("correlation:Q", title=title, scale=scale))
    return Picture(svg((lines + points).properties(width=620, height=280)), long)


def _low(long: pd.DataFrame) -> float:
    return float(long["correlation"].min())


def by_kind(kinds: pd.DataFrame) -> Picture:
    """Identity minus constant of every kind of test picture, mean of the training runs."""
    data = kinds.assign(margin=kinds["identity"] - kinds["constant"])
    data = data.groupby(["pictures", "depth"], sort=False, as_index=False)["margin"].mean()
    return Picture(svg(_map(data, "pictures", None, "margin", "copies (+) or recites (-)")), data)


def by_similarity(similarity: pd.DataFrame) -> Picture:
    """Identity minus constant over the test picture's correlation with the training image, mean of the runs."""
    data = similarity.assign(margin=similarity["identity"] - similarity["constant"])
    data = data.groupby(["similarity", "depth"], sort=False, as_index=False)[["identity", "constant", "margin"]].mean()
    chart = _map(data, "similarity", "similarity to the training image", "margin", "copies (+) or recites (-)")
    return Picture(svg(chart), data)


def _map(data: pd.DataFrame, rows: str, title: str | None, value: str, legend: str) -> Any:
    order = list(dict.fromkeys(data[rows]))
    scale = alt.Scale(domain=[-1, 0, 1], range=[RECITE, "#f3f1ee", COPY], interpolate="rgb")
    return (
        alt.Chart(data)
        .mark_rect()
        .encode(
            x=alt.X("depth:O", title="layers of the net", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(f"{rows}:N", title=title, sort=order, axis=alt.Axis(labelLimit=200)),
            color=alt.Color(
                f"{value}:Q", title=legend, scale=scale, legend=alt.Legend(orient="top", gradientLength=220)
            ),
        )
        .properties(width=520, height=20 * len(order))
    )


def over_layers(layers: pd.DataFrame) -> Picture:
    """What is seen and what is readable of the input, layer by layer: the median of a net's runs, and their range."""
    titles = {
        "seen": "seen: fraction of the map that differs between inputs",
        "readable": "readable: held-out R² of the input",
    }
    long = layers.melt(["net", "seed", "layer"], list(titles), var_name="measure", value_name="value")
    names = list(dict.fromkeys(long["net"]))
    long["value"] = long["value"].astype(float).clip(lower=0)

    def panel(measure: str, threshold: float) -> Any:
        here = long[long["measure"] == measure].dropna(subset=["value"])
        log = measure == "seen"
        here = here.assign(value=here["value"].clip(lower=1e-6)) if log else here
        scale = alt.Scale(type="log", domain=[1e-6, 1], clamp=True) if log else alt.Scale(domain=[0, 1])
        base = alt.Chart(here).encode(
            x=alt.X("layer:Q", title="layer (0: the input)", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color("net:N", sort=names, title=None, legend=alt.Legend(labelLimit=220)),
        )
        lines = base.mark_line(strokeWidth=1.6, point=alt.OverlayMarkDef(size=9)).encode(
            y=alt.Y("median(value):Q", title=None, scale=scale),
            strokeDash=alt.condition("indexof(datum.net, 'untrained') == 0", alt.value([5, 3]), alt.value([1, 0])),
        )
        runs = base.mark_rule(strokeWidth=1, opacity=0.6).encode(
            y=alt.Y("min(value):Q", title=None, scale=scale), y2="max(value):Q"
        )
        rule = (
            alt.Chart(pd.DataFrame({"value": [threshold]})).mark_rule(color=INK, strokeDash=[2, 3]).encode(y="value:Q")
        )
        return (lines + runs + rule).properties(width=400, height=260, title=titles[measure])

    return Picture(svg(panel("seen", SEEN) | panel("readable", READ)), long)


def over_probes(layers: pd.DataFrame) -> Picture:
    """R^2 of the input by layer, a line for each number of probes: the median of the runs."""
    rows = [
        {"net": row["net"], "seed": row["seed"], "layer": row["layer"], "probes": str(count), "r2": max(0.0, value)}
        for row in layers.to_dict("records") for count, value in row["readable_by"]
    ]  # fmt: skip
    data = pd.DataFrame(rows, columns=["net", "seed", "layer", "probes", "r2"])
    counts = sorted(set(data["probes"]), key=int)
    colour = alt.Scale(domain=counts, range=["#bbccdd", "#88aacc", "#4477aa", "#113355"][-len(counts) :])
    lines = (
        alt.Chart(data)
        .mark_line(point=alt.OverlayMarkDef(size=10))
        .encode(
            x=alt.X("layer:Q", title="layer (0: the input)", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("median(r2):Q", title="held-out R² of the input", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("probes:N", sort=counts, title="probes", scale=colour),
        )
        .properties(width=340, height=220)
        .facet(column=alt.Column("net:N", title=None, header=alt.Header(labelColor=INK)))
    )
    return Picture(svg(lines), data)


def counted(census: pd.DataFrame, lost: pd.DataFrame) -> Picture:
    """Distinct units and dimension of every hidden layer beside the untrained twin; dotted where the input is lost."""
    titles = {"distinct": "distinct units", "needed": "directions needed", "twonn": "nonlinear dimension (TwoNN)"}
    rows = []
    for _, row in census.iterrows():
        for name, title in titles.items():
            for net, of in NETS.items():
                value = row.get(of_net(name, net))
                if not pd.isna(value):
                    at = {"net": row["net"], "seed": row["seed"], "layer": row["layer"], "of": of}
                    rows.append(at | {"measure": title, "value": float(value)})
    data = pd.DataFrame(rows)
    gone = lost.dropna(subset=["seen"]).set_index("net")["seen"]
    data["lost"] = data["net"].map(gone[~gone.index.duplicated()])
    nets = alt.Column("net:N", title=None, sort=list(dict.fromkeys(data["net"])), header=alt.Header(labelColor=INK))

    def panel(title: str) -> Any:
        here = alt.Chart(data[data["measure"] == title])
        lines = here.mark_line(point=alt.OverlayMarkDef(size=12), strokeWidth=1.2).encode(
            x=alt.X("layer:Q", title="hidden layer", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("value:Q", title=title), detail="seed:N",
            color=alt.Color(
                "of:N", title=None, legend=alt.Legend(orient="top"),
                scale=alt.Scale(domain=["trained", "untrained twin"], range=[COPY, RECITE]),
            ),
        )  # fmt: skip
        rule = here.mark_rule(color=INK, strokeDash=[2, 3]).encode(x="mean(lost):Q")
        both = (lines + rule).properties(width=215, height=170).facet(column=nets)
        return both.resolve_scale(x="independent", y="independent")

    return Picture(svg(alt.vconcat(*(panel(title) for title in titles.values()))), data)
