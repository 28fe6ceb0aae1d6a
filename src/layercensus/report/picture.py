"""A picture with the numbers that it shows; Vega-Lite draws it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

NETS = {"trained": "trained", "twin": "untrained twin"}
INK = "#7a7f87"  # readable on white and on black
NET_COLOURS = ("#4477aa", "#bb5566")


@dataclass(frozen=True)
class Picture:
    """An SVG, its data, and where they fit on a page the same numbers as a table with a row per layer."""

    svg: str
    data: pd.DataFrame
    table: pd.DataFrame | None = None


def drawn(chart: Any, layers: int, data: pd.DataFrame, table: pd.DataFrame | None = None) -> Picture:
    """The chart drawn; nets of many layers get a wider picture."""
    width = min(1400, max(560, 34 * layers))
    return Picture(svg(chart.properties(width=width, height=300)), data, table)


def svg(chart: Any) -> str:
    """A chart as SVG text, to be read on white and on black."""
    with alt.data_transformers.enable("default", max_rows=None):
        text = str(vl_convert.vegalite_to_svg(styled(chart).to_dict(validate=False)))
    numbers: dict[
        str, str
    ] = {}  # Vega numbers gradients and clips through a whole process; here from 0 in each picture
    for name in re.findall(r' id="((?:gradient_|clip)\d+)"', text):  # quotes in a layer's name are escaped
        numbers.setdefault(name, f"{name.rstrip('0123456789')}{len(numbers)}")
    return re.sub(r'(?<= id=")[^"]+(?=")|(?<=url\(#)[^)]+(?=\))', lambda m: numbers.get(m[0], m[0]), text)


def styled(chart: Any) -> Any:
    """The chart in the colours of the page, whether that is dark or light."""
    return (
        chart.properties(background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor="#88888833", domainColor=INK, tickColor=INK, labelFontSize=11
        )
        .configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12)
        .configure_title(color=INK)
    )


def layer_axis() -> alt.X:
    """Layers in forward order, from left to right."""
    return alt.X("layer:N", sort=None, title=None, axis=alt.Axis(labelAngle=-55, labelLimit=170))


def net_opacity(has_twin: bool) -> alt.Opacity:
    """The trained net's marks whole, the untrained twin's pale."""
    legend = alt.Legend(orient="top", symbolType="square", symbolFillColor="#444") if has_twin else None
    nets = list(NETS.values())
    return alt.Opacity("net:N", title=None, sort=nets, scale=alt.Scale(domain=nets, range=[1.0, 0.55]), legend=legend)


def ends_of(chart: alt.Chart) -> alt.LayerChart | alt.FacetChart:
    """Intervals from `low` to `high` as dark lines with a light edge, to be seen on bars, on white and on black."""
    ends = chart.encode(y="low:Q", y2="high:Q")
    return alt.layer(ends.mark_rule(color="#fff", strokeWidth=3.4), ends.mark_rule(color="#111", strokeWidth=1.4))


def net_colours(shown: Iterable[str]) -> alt.Color:
    """The trained net in blue, its twin in red; shown: the nets of the data, so that no other is in the legend."""
    present = set(shown)
    nets = {title: colour for title, colour in zip(NETS.values(), NET_COLOURS, strict=True) if title in present}
    scale = alt.Scale(domain=list(nets), range=list(nets.values()))
    return alt.Color("net:N", sort=list(nets), title=None, scale=scale, legend=alt.Legend(orient="top"))
