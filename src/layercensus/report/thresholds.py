"""How the count and the answer change with the two thresholds: a picture with two sliders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import altair as alt

from ..census.record import CensusRecord
from ..settings import RELIABILITY_GRID, TAU_GRID
from ..verdict.compared import FEWEST_COMPARED, hidden
from ..verdict.sensitivity import index_of_thresholds
from .picture import NETS, layer_axis, net_colours, styled

UNITS, RAREFIED = "units", "rarefied"


def thresholds(census: CensusRecord, shapes: Sequence[Sequence[str]]) -> dict[str, Any] | None:
    """A Vega-Lite specification: distinct units of every hidden layer at the thresholds that the sliders name.

    shapes: shape of the rarefied count at each pair of thresholds, as `answers` gives it.
    """
    rows: list[dict[str, Any]] = []
    names = hidden(census.layers)["layer"]
    for name in names:
        for net, title in NETS.items():
            count, rarefied = (census.array(name, array, net) for array in ("distinct_grid", "rarefied_grid"))
            if count is not None and rarefied is not None:
                rows.append(
                    {
                        "layer": name,
                        "net": title,
                        UNITS: count.ravel().tolist(),
                        RAREFIED: rarefied.round(1).ravel().tolist(),
                    }
                )
    if not rows:
        return None
    i, j = index_of_thresholds(census)
    reliability, tau, what = (alt.param(name=n, value=v, bind=b) for n, v, b in (
        ("reliability", RELIABILITY_GRID[i], _slider("reliability at least ", RELIABILITY_GRID)),
        ("tau", TAU_GRID[j], _slider("one concept from abs(correlation) ", TAU_GRID)),
        ("what", UNITS, alt.binding_radio(options=[UNITS, RAREFIED], name="distinct ")),
    ))  # fmt: skip
    index = f"{_index('reliability', RELIABILITY_GRID)} * {len(TAU_GRID)} + {_index('tau', TAU_GRID)}"
    lines = (
        alt.Chart(alt.InlineData(values=rows))
        .transform_calculate(distinct=f"datum[what][{index}]")
        .mark_line(point=True)
        .encode(
            x=layer_axis(), y=alt.Y("distinct:Q", title="distinct"), color=net_colours(row["net"] for row in rows),
            tooltip=["layer:N", "net:N", "distinct:Q"],
        )
    )  # fmt: skip
    known = [answer for row in shapes for answer in row] if len(names) >= FEWEST_COMPARED else []
    said = f"['shape of the rarefied count', 'at these thresholds: ' + {json.dumps(known)}[{index}]]" if known else "''"
    heading: Any = alt.TitleParams(alt.ExprRef(said), anchor="start", fontSize=14, fontWeight="normal", offset=12)
    sized = lines.properties(
        title=heading, width="container", height=260, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    chart: dict[str, Any] = styled(sized.add_params(reliability, tau, what)).to_dict()
    return chart


def _slider(name: str, grid: tuple[float, ...]) -> Any:
    return alt.binding_range(min=grid[0], max=grid[-1], step=round(grid[1] - grid[0], 2), name=name)


def _index(parameter: str, grid: tuple[float, ...]) -> str:
    return f"round(({parameter} - {grid[0]}) / {round(grid[1] - grid[0], 2)})"
