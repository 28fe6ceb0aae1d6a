"""A picture with the numbers that it shows; Vega-Lite draws it, once for each width of a window."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from .names import CHARACTER, axis_of

NETS = {"trained": "trained", "twin": "untrained twin"}
INK = "#7a7f87"  # readable on white and on black
TEXT, PALE = "#4a545e", "#c9ced6"  # of words and interval lines; of what stands behind
DARK = {TEXT: "#b4bdc6", PALE: "#454e58"}  # the same where the reader's system is dark
NET_COLOURS = ("#4477aa", "#bb5566")
WIDE, OTHER_WIDTHS = 1140, {"medium": 720, "narrow": 350}  # pixels of a picture on a desk, a tablet, a phone
AXIS = 60  # pixels left of the plot
WIDER = 1.6  # pixels of a character, at most, by which a reader's font is wider than the one here
LEGENDS_ABOVE = 500  # pixels of width below which legends stand above each other


@dataclass(frozen=True)
class Picture:
    """An SVG, its data, and where they fit on a page the same numbers as a table with a row per layer.

    others: by "medium" and "narrow" the same picture for smaller windows. specification: of the wide one.
    """

    svg: str
    data: pd.DataFrame
    table: pd.DataFrame | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    specification: Mapping[str, Any] = field(default_factory=dict)

    @property
    def png(self) -> bytes:
        """The wide one on white, for pages that show where a link leads."""
        return bytes(vl_convert.vegalite_to_png({**self.specification, "background": "white"}))


def drawn(chart: Any, data: pd.DataFrame, table: pd.DataFrame | None = None, height: int = 300) -> Picture:
    """The chart as wide as a page in each size of window; layers in the order of the data."""
    specification = _specification(chart)
    names = list(dict.fromkeys(data["layer"]))
    narrower = {size: _svg(fitted(specification, names, width, height)) for size, width in OTHER_WIDTHS.items()}
    wide = fitted(specification, names, WIDE, height)
    return Picture(_svg(wide), data, table, narrower, wide)


def fitted(specification: Mapping[str, Any], names: Sequence[str], width: int, height: int) -> dict[str, Any]:
    """The specification in so many pixels altogether, with the layers' names that have room there."""
    whole = copy.deepcopy(dict(specification))
    whole |= {"width": width, "height": height, "autosize": {"type": "fit-x", "contains": "padding"}, "padding": 8}
    for x in _layer_axes(whole):
        x["axis"] = (x.get("axis") or {}) | axis_of(names, width - AXIS)
    legend = whole.setdefault("config", {}).setdefault("legend", {})
    longest = max(map(len, _legend_labels(whole)), default=0)
    legend["columnPadding"] = 10 + WIDER * longest
    if width < LEGENDS_ABOVE:
        columns = 2 if 2 * (longest * CHARACTER + 24) < width else 1
        legend |= {"columns": columns, "layout": {"top": {"direction": "vertical"}}}
    return whole


def _layer_axes(part: Any) -> Iterable[dict[str, Any]]:
    """Every encoding that puts layers from left to right."""
    if isinstance(part, dict):
        x = part.get("x")
        if isinstance(x, dict) and x.get("field") == "layer":
            yield x
        for name, inner in part.items():
            if name not in ("datasets", "data"):
                yield from _layer_axes(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _layer_axes(inner)


def _legend_labels(part: Any) -> Iterable[str]:
    """What the colours of the picture are called."""
    if isinstance(part, dict):
        colour = part.get("color")
        domain = (colour.get("scale") or {}).get("domain") if isinstance(colour, dict) else None
        yield from map(str, domain or ())
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for each in inner:
        yield from _legend_labels(each)


def svg(chart: Any) -> str:
    """A chart as SVG text, to be read on white and on black."""
    return _svg(_specification(chart))


def _specification(chart: Any) -> dict[str, Any]:
    with alt.data_transformers.enable("default", max_rows=None):
        specification: dict[str, Any] = styled(chart).to_dict(validate=False)
    return specification


def _svg(specification: Mapping[str, Any]) -> str:
    text = str(vl_convert.vegalite_to_svg(dict(specification)))
    numbers: dict[
        str, str
    ] = {}  # Vega numbers gradients and clips through a whole process; here from 0 in each picture
    for name in re.findall(r' id="((?:gradient_|clip)\d+)"', text):  # quotes in a layer's name are escaped
        numbers.setdefault(name, f"{name.rstrip('0123456789')}{len(numbers)}")
    text = re.sub(r'(?<= id=")[^"]+(?=")|(?<=url\(#)[^)]+(?=\))', lambda m: numbers.get(m[0], m[0]), text)
    return re.sub(r"^(<svg[^>]*>)", lambda m: m[1] + _dark(), text, count=1)


def _dark() -> str:
    """What makes a picture follow the reader's system; a program without styles shows the light one."""
    rules = "".join(
        f'svg.marks [{what}="{light}"]{{{what}:{dark}}}' for light, dark in DARK.items() for what in ("fill", "stroke")
    )
    return f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"


def styled(chart: Any) -> Any:
    """The chart in the colours of the page, whether that is dark or light."""
    return (
        chart.properties(background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=TEXT, titleColor=TEXT, gridColor="#88888833", domainColor=INK, tickColor=INK, labelFontSize=12,
            titleFontSize=12, titleFontWeight="normal",
        )
        .configure_legend(labelColor=TEXT, titleColor=TEXT, labelFontSize=12, labelLimit=0)
        .configure_title(color=TEXT)
    )  # fmt: skip


def layer_axis() -> alt.X:
    """Layers in forward order, from left to right."""
    return alt.X("layer:N", sort=None, title=None, axis=alt.Axis(labelAngle=-55, labelLimit=0, labelOverlap="greedy"))


def net_opacity() -> alt.Opacity:
    """The trained net's marks whole, the untrained twin's pale."""
    nets = list(NETS.values())
    scale = alt.Scale(domain=nets, range=[1.0, 0.45])
    return alt.Opacity("net:N", title=None, sort=nets, scale=scale, legend=None)


def ends_of(chart: alt.Chart) -> alt.Chart:
    """Intervals from `low` to `high` as lines that are dark on white and light on black."""
    ends: alt.Chart = chart.mark_rule(color=TEXT, strokeWidth=1.6).encode(y="low:Q", y2="high:Q")
    return ends


def net_colours(shown: Iterable[str], legend: bool = True) -> alt.Color:
    """The trained net in blue, its twin in red; shown: the nets of the data, so that no other is in the legend."""
    present = set(shown)
    nets = {title: colour for title, colour in zip(NETS.values(), NET_COLOURS, strict=True) if title in present}
    scale = alt.Scale(domain=list(nets), range=list(nets.values()))
    return alt.Color(
        "net:N", sort=list(nets), title=None, scale=scale, legend=alt.Legend(orient="top") if legend else None
    )
