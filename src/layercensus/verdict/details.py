"""What stands behind the answer, in plain English: every sentence is read off the table, and none says more."""

from __future__ import annotations

import pandas as pd

from ..census.columns import twin_of
from ..census.findings import number_of
from ..census.record import CensusRecord
from ..census.status import COUNT
from ..count.provenance import NO_TWIN
from .sensitivity import VIEWS
from .trend import AGREEMENT, ALPHA, FIT
from .verdict import Verdict

NOTHING_TO_COMPARE = "there is no earlier or later to compare"
WITHOUT_TWIN = "Without an untrained twin, what was learned and what the architecture gives cannot be told apart."
SUGGESTED = 3  # layers that could be counted as well, named where there is too little to compare
SHAPES = {
    "rises": "rises with depth",
    "falls": "falls with depth",
    "peaks": "is highest in the middle",
    "troughs": "is lowest in the middle",
    "flat": "is flat over depth",
    "undecided": "shows no clear trend",
}


def details(census: CensusRecord, verdict: Verdict, layers: pd.DataFrame, twin: bool) -> tuple[str, ...]:
    """What stands behind the answer: counts of units and their corrections, thresholds, the evidence."""
    parts = [*_counts(layers, twin), *_trends(verdict, twin), *_disagreement(verdict, twin)]
    if census.provenance.twin == NO_TWIN:
        parts.append(WITHOUT_TWIN)
    parts += _thresholds(verdict, twin)
    parts.append(_weight(census, verdict, layers, twin))
    return (*parts, *_class_layer(census, trend=len(layers) > 1))


def nothing_to_compare(census: CensusRecord, verdict: Verdict, layers: pd.DataFrame) -> list[str]:
    """What was counted instead of two hidden layers, and what else could be."""
    names = ", ".join(census.layers["layer"] if len(layers) == 0 else layers["layer"])
    what = "one hidden layer" if len(layers) else "the output layer"
    others = [name for name in census.provenance.not_counted if " (" not in name]  # in brackets: why it cannot be
    hint = f"name more layers, such as {', '.join(others[:SUGGESTED])}" if others else "the net has no other to count"
    more = [f"Beside that, {reason}." for reason in verdict.reasons[1:]]
    return [f"Only {what} ({names}) was counted: {NOTHING_TO_COMPARE}; {hint}.", *more]


def _counts(layers: pd.DataFrame, twin: bool) -> list[str]:
    if len(layers) == 0 or layers["distinct"].isna().any():
        return []
    first, last = layers.iloc[0], layers.iloc[-1]
    if len(layers) == 1:
        return [f"Distinct units: {_count(first, twin)} in {first['layer']}."]
    top = layers.loc[layers["distinct"].astype(float).idxmax()]
    text = (
        f"Distinct units: {_count(first, twin)} in the first hidden layer ({first['layer']}), "
        f"{_count(last, twin)} in the last ({last['layer']})"
    )
    if top["distinct"] > max(first["distinct"], last["distinct"]):
        text += f", most in {top['layer']} with {_count(top, twin)}"
    full = int((layers["distinct"] == layers["width"]).sum())
    if full:
        text += (
            f". In {full} of the {len(layers)} layers every unit is distinct, so "
            + ("its count is" if full == 1 else "their counts are")
            + " bounded by the width"
        )
    return [text + "."]


def _count(row: pd.Series, twin: bool) -> str:
    own = f"{row['distinct']} of {row['width']} [{row['distinct_low']:.0f}-{row['distinct_high']:.0f}]"
    untrained = row.get(twin_of("distinct"))
    return own + (f" (untrained twin {untrained})" if twin and pd.notna(untrained) else "")


def _trends(verdict: Verdict, twin: bool) -> list[str]:
    rows = {row["correction"]: row for _, row in verdict.table[verdict.table["measure"] == "distinct"].iterrows()}
    sentences = []
    for correction, words in (
        ("raw", "The raw count"),
        ("per unit", "The count per unit"),
        ("rarefied", "The count rarefied to equally many units"),
        ("rarefied, minus twin", "Its excess over the untrained twin"),
    ):
        if correction in rows:
            sentences.append(
                f"{words} {SHAPES[rows[correction]['shape']]} ({_tau(rows[correction])}){_why(rows[correction])}."
            )
    return sentences


def _why(row: pd.Series) -> str:
    """Why an interval of tau that excludes 0 is no trend yet."""
    if row["shape"] != "undecided" or row["tau_low"] <= 0 <= row["tau_high"]:
        return ""
    if row["p_untrained"] > ALPHA:
        return ": tau excludes 0, but untrained nets differ among themselves by as much"
    if row["agreement"] < AGREEMENT:
        return f": tau excludes 0, but {row['agreement']:.0%} of the resamples agree on a shape, not {AGREEMENT:.0%}"
    return (
        f": tau excludes 0, but no rise, fall or bend explains {FIT:.0%} of the differences between layers better than "
        "layers in random order"
    )


def _tau(row: pd.Series) -> str:
    return f"Kendall's tau {row['tau']:+.2f} [{row['tau_low']:+.2f}, {row['tau_high']:+.2f}]"


def _disagreement(verdict: Verdict, twin: bool) -> list[str]:
    raw, rarefied = verdict.says("distinct", "raw"), verdict.says("distinct", "rarefied")
    out = []
    if raw != rarefied:
        out.append(
            f"The corrections disagree: the raw count says {raw}, the rarefied count {rarefied}; "
            + ("what the raw count adds is explained by the widths that the designer chose." if rarefied == "even" else
               "so the widths of the layers matter to the answer.")
        )  # fmt: skip
    if twin:
        out += _credit(verdict, rarefied)
    return out


def _credit(verdict: Verdict, rarefied: str) -> list[str]:
    """What the trend of the excess owes to the trained net, and what to its twin."""
    excess = verdict.says("distinct", "rarefied, minus twin")
    p = verdict.p_untrained("distinct", "rarefied, minus twin")
    if excess == "undecided" and p > ALPHA:
        return [
            f"Untrained nets differ among themselves by as much (p = {p:.2f}), so training cannot be credited with it."
        ]
    if rarefied not in ("even", "undecided") and excess in ("even", "undecided"):
        return ["The untrained twin shows much of the same trend, so training cannot be credited with it."]
    if excess in ("later", "earlier", "middle") and rarefied != excess:
        own, twin = (SHAPES[verdict.shape("distinct", c)] for c in ("rarefied", "rarefied, twin alone"))
        return [f"Rarefied, the trained net's own count {own} and the untrained twin's {twin}."]
    return []


def _thresholds(verdict: Verdict, twin: bool) -> list[str]:
    if not verdict.sensitivity:
        return []
    here = verdict.sensitivity["here"]
    others = [f"{name} ({says})" for name, says in verdict.sensitivity.items() if says != here]
    subject = "The shape of the rarefied excess" if twin else "The shape of the rarefied count"
    read = any(name.startswith(VIEWS) for name in verdict.sensitivity)
    if not others:
        views = ", and in weaker, stronger and single views" if read else ""
        return [
            f"{subject} is the same at every tau from .5 to .95 and every reliability threshold from .1 to .9{views}."
        ]
    return [f"{subject} says {here}, and would read otherwise at {', '.join(others)}."]


def _weight(census: CensusRecord, verdict: Verdict, layers: pd.DataFrame, twin: bool) -> str:
    provenance = census.provenance
    replicas = provenance.replicas
    parts = [
        number_of(len(layers), "hidden layer"),
        f"{number_of(provenance.examples, 'example')}, {provenance.panel:,} of them in the panel",
        _twins(census, verdict, twin),
        "no replica" if not replicas else f"{replicas} replica{'s' if replicas > 1 else ''}",
    ]
    return "Evidence: " + ", ".join(parts) + f"; counts rarefied to {number_of(provenance.rarefied_to, 'unit')}."


def _twins(census: CensusRecord, verdict: Verdict, twin: bool) -> str:
    if not twin:
        return "no twin" if census.provenance.twin == NO_TWIN else "too few examples for the count of an untrained twin"
    nets = census.untrained.count
    if nets <= 1:
        return "one untrained twin"
    p = verdict.p_untrained("distinct", "rarefied, minus twin")
    rare = "" if pd.isna(p) else f" (p = {p:.2g} for the trend of the excess)"
    return f"one untrained twin and {number_of(nets - 1, 'more untrained net')} for how much they differ{rare}"


def _of_classes(census: CensusRecord, row: pd.Series) -> str:
    """What a layer of scores can hold at most: a unit a class, and a direction fewer, since scores are compared."""
    classes, needed = census.provenance.classes_seen, row.get("needed")
    if classes < 2 or row["width"] != classes:
        return ""
    rest = "" if needed is None or pd.isna(needed) else f", {int(needed)} of {classes - 1} directions needed"
    return f" for {classes:,} classes{rest}"


def _class_layer(census: CensusRecord, trend: bool) -> list[str]:
    rows = census.layers[census.layers["role"] == "output"]
    out = []
    for _, row in rows.iterrows():
        if pd.isna(row["distinct"]):
            continue
        text = (
            f"The output layer ({row['layer']}){', no part of the trend,' if trend else ''} "
            f"holds {row['distinct']} distinct of {number_of(row['width'], 'unit')}{_of_classes(census, row)}"
        )
        less = str(row["status"]).removeprefix(COUNT).removeprefix("; ")
        out.append(text + (f"; {less}." if less else "."))
    return out
