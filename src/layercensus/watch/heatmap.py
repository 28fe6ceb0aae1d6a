"""One count of every layer over the steps of a run, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from ..report.picture import Picture, svg
from .alarms import AT_START, COLLAPSE, DYING, Alarm
from .columns import COLUMNS, per_unit
from .record import Record

MOST = 150  # steps that one picture shows; its CSV file has all
HIGH = 26  # pixels of a layer
SHOWS = {"dead": (DYING, AT_START), "needed": (COLLAPSE,)}  # on which map which alarms are marked


def heatmap(timeline: Record, column: str) -> Picture | None:
    """Layers from top to bottom in forward order, steps from left to right; None where it was never counted.

    Counts of units are drawn as a fraction of the layer's width. A ring marks an alarm.
    """
    table = timeline.table(column)
    if not table.size:
        return None
    data = _long(timeline, table, column)
    steps = _some(list(table.columns), [alarm.step for alarm in timeline.alarms])
    shown = data[data["step"].isin(steps)]
    x = alt.X("step:O", title="step", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    y = alt.Y("layer:N", sort=list(table.index), title=None, axis=alt.Axis(labelLimit=220))
    part = per_unit(column)
    scale = alt.Scale(scheme="viridis", domain=[0, 1]) if part else alt.Scale(scheme="viridis")
    title = "fraction of the layer's units" if part else COLUMNS[column].unit
    legend = alt.Legend(title=title, format="%" if part else "")
    cells = alt.Chart(shown).mark_rect().encode(x=x, y=y, color=alt.Color("drawn:Q", scale=scale, legend=legend))
    found = [alarm for alarm in timeline.alarms if alarm.kind in SHOWS.get(column, ())]
    chart = cells + _rings(found, x, y) if found else cells
    sized = chart.properties(width=min(900, max(220, 26 * len(steps))), height=HIGH * len(table))
    return Picture(svg(sized), data.drop(columns="drawn"), table)


def _long(timeline: Record, table: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row for each cell: step, layer, value, and what is drawn."""
    data = table.rename_axis(columns="step").stack().rename(column).reset_index()[["step", "layer", column]]
    data[column] = data[column].astype("float64")
    widths = {info.name: max(1, info.width) for info in timeline.infos}
    drawn = data[column] / data["layer"].map(widths) if COLUMNS[column].per_unit else data[column]
    return data.assign(drawn=drawn)


def _some(steps: Sequence[int], alarmed: Sequence[int]) -> set[int]:
    """At most MOST of the steps, evenly, and those with an alarm."""
    if len(steps) <= MOST:
        return set(steps)
    return {steps[round(k * (len(steps) - 1) / (MOST - 1))] for k in range(MOST)} | (set(steps) & set(alarmed))


def _rings(found: Sequence[Alarm], x: alt.X, y: alt.Y) -> Any:
    data = pd.DataFrame({"step": [a.step for a in found], "layer": [a.layer for a in found]})
    ring = alt.Chart(data).mark_point(size=160, filled=False, strokeWidth=2.5, color="#ee3377", opacity=1)
    return ring.encode(x=x, y=y)
