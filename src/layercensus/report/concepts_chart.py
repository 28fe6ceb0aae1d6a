"""Named concepts by depth: a heat map, and a table that says where each appears and where it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import pandas as pd

from ..census.concepts import concept_table
from ..census.record import CensusRecord
from .picture import INK, Picture, drawn

SHOWN = 60  # concepts in the picture; the table and the CSV file have all
PAGED = 300  # concepts that have a page of their own
INPUT = "the input"
ROW = 17  # pixels


@dataclass(frozen=True)
class ConceptRow:
    """One concept over the layers, in words."""

    concept: str
    of: str  # its set
    examples: int
    given: str  # AUC from the input
    first: str  # layer in which it first becomes readable
    best: str  # layer with the highest AUC
    auc: str
    lost: str  # layer from which on it is no longer readable
    unit: str  # that tells it best
    layer: str  # of that unit
    unit_auc: str


def concept_rows(census: CensusRecord) -> list[ConceptRow]:
    """A row for each concept that was asked, sorted by where it appears, then by how early it is clearest."""
    examples = examples_of(census)
    return [_row(own, examples) for _, own in concept_groups(census)]


def concept_groups(census: CensusRecord) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """(set, concept) and its rows by layer, in the order of the table; empty where no concept was asked."""
    table = concept_table(census)
    return _ordered(table) if len(table) else []


def number_of_concept(place: int) -> str:
    """The name of a concept's files, without their ending; by its place in the table."""
    return f"concept-{place:03d}"


def examples_of(census: CensusRecord) -> dict[tuple[str, str], int]:
    """How many of the panel's examples have each (set, concept)."""
    about = census.provenance.concepts
    if not about:
        return {}
    return dict(zip(zip(about["sets"], about["names"], strict=True), about.get("examples", []), strict=False))


def _ordered(table: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    groups = list(table.groupby(["set", "concept"], sort=False))
    return sorted(groups, key=lambda group: _place(group[1]))


def _place(own: pd.DataFrame) -> tuple[float, float, float]:
    read = own[own["readable"]]
    return (
        float(read["depth"].min()) if len(read) else 2.0,
        float(own.loc[own["auc"].idxmax(), "depth"]),
        -own["auc"].max(),
    )


def _row(own: pd.DataFrame, examples: Mapping[tuple[str, str], int]) -> ConceptRow:
    read = own[own["readable"]]
    best, by_unit = own.loc[own["auc"].idxmax()], own.loc[own["unit_auc"].idxmax()]
    last = own[own["depth"] > read["depth"].max()] if len(read) else own.iloc[:0]
    told = bool(by_unit["unit_detects"])
    return ConceptRow(
        str(best["concept"]), str(best["set"]), examples.get((best["set"], best["concept"]), 0),
        f"{best['input_auc']:.2f}",
        str(read["layer"].iloc[0]) if len(read) else "–", str(best["layer"]), f"{best['auc']:.2f}",
        str(last["layer"].iloc[0]) if len(last) else "–", str(int(by_unit["unit"])) if told else "–",
        str(by_unit["layer"]) if told else "–", f"{by_unit['unit_auc']:.2f}" if told else "–",
    )  # fmt: skip


def concepts_picture(census: CensusRecord) -> Picture | None:
    """AUC of each concept's direction by layer, the input first; pale if not readable, a dot where first readable."""
    table = concept_table(census)
    if not len(table):
        return None
    order = [" · ".join(reversed(name)) if _several(table) else name[1] for name, _ in _ordered(table)]
    pairs = zip(order, _ordered(table), strict=True)
    data = pd.DataFrame([row for name, (_, own) in pairs for row in _cells(name, own)])
    layers = [INPUT, *dict.fromkeys(table.sort_values("depth", kind="stable")["layer"])]
    some = data[data["concept"].isin(order[:SHOWN])]
    base = alt.Chart(some).encode(
        x=alt.X("layer:N", sort=layers, title=None),
        y=alt.Y("concept:N", sort=order[:SHOWN], title=None, axis=alt.Axis(labelLimit=150)),
    )
    colour = alt.Color("auc:Q", title="AUC", scale=alt.Scale(scheme="viridis", domain=[0.5, 1], clamp=True))
    cells = base.transform_filter("datum.readable").mark_rect().encode(color=colour)
    absent = base.transform_filter("!datum.readable").mark_rect(fill="#88888822")
    dots = base.transform_filter("datum.first").mark_point(filled=True, size=26, color="#fff", stroke=INK, opacity=1)
    ordered = data.assign(place=data["layer"].map(layers.index)).sort_values("place", kind="stable")
    return replace(drawn(absent + cells + dots, ordered, height=ROW * len(order[:SHOWN])), data=data)


def _several(table: pd.DataFrame) -> bool:
    """Whether two sets name a concept alike."""
    return bool(table.groupby("concept")["set"].nunique().max() > 1)


def _cells(name: str, own: pd.DataFrame) -> list[dict[str, Any]]:
    given = {"concept": name, "layer": INPUT, "auc": float(own["input_auc"].iloc[0]), "readable": True, "first": False}
    layers = [
        {"concept": name, "layer": row["layer"], "auc": float(row["auc"]), "readable": bool(row["readable"]),
         "first": bool(row["first"])}
        for _, row in own.iterrows()
    ]  # fmt: skip
    return [given, *layers]
