"""What the number of distinct units says of the layer, and what it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .column import Column
from .measure import Evidence, Measure, Outcome

COUNT, NONE = "count", "none"
WIDTH_BOUND, CEILING = "width-bound", "at its ceiling"
LOWER_BOUND, UPPER_BOUND = "lower bound", "upper bound"
COVERED = 0.5  # coverage below which the layer's width, not the layer, decides how many are found
FULL = 0.85  # of the draw: layers above it differ by less than what counts as flat, whatever they hold
DEFICIENT = 0.9  # of the distinct units: fewer directions are a rank below them; scores of ten classes have nine


def compute(evidence: Evidence) -> Outcome:
    """A word for each of the two counts, and the reason where it is less than a count."""
    layer = evidence.layer
    if "distinct" not in layer:
        return Outcome()
    spans = deficient(layer)
    return Outcome(
        layer={
            "distinct_status": f"{UPPER_BOUND}: {spans}" if spans else _of_width(layer),
            "distinct_rarefied_status": _of_draw(layer, evidence.width, evidence.rarefy_to),
        },
        notes=(spans,) if spans else (),
    )


def deficient(layer: Mapping[str, Any]) -> str:
    """ "200 units span 10 directions", where distinct units are mixtures of fewer directions; else ""."""
    span = layer.get("span")
    if span is None or "distinct" not in layer or span >= DEFICIENT * layer["distinct"]:
        return ""
    return f"{layer['reliable']:,.0f} units span {span:,.0f} direction{'s' if span != 1 else ''}"


def _of_width(layer: Mapping[str, float]) -> str:
    covered = layer.get("coverage", 1.0)
    if covered >= COVERED:
        return COUNT
    return (
        f"{WIDTH_BOUND}: most units are the only one of their kind (coverage {covered:.2f}), so a wider layer may hold "
        "more"
    )


def _of_draw(layer: Mapping[str, float], width: int, draw: int) -> str:
    if width < draw:
        word = LOWER_BOUND if "distinct_rarefied" in layer else NONE
        return f"{word}: its {width:,} units are fewer than the draw of {draw:,} from other layers"
    found = layer["distinct_rarefied"]
    return COUNT if found < FULL * draw else f"{CEILING}: {found:.1f} in a draw of {draw:,} units"


distinct_status = Measure(
    "distinct_status",
    compute,
    layer_columns={
        "distinct_status": Column(
            "count; width-bound where coverage is below .5; upper bound where units are mixtures of fewer directions",
            kind="sentence", order=92, compare=False, over_depth=False, shown=False,
        ),
        "distinct_rarefied_status": Column(
            "count; at its ceiling where nearly every unit drawn is a concept of its own, so that layers cannot be "
            "told apart; lower bound, or none, where the layer is narrower than the draw",
            kind="sentence", order=121, compare=False, over_depth=False, shown=False,
        ),
    },
)  # fmt: skip
