"""The answer in a few sentences that a student can read, the first of which answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pandas as pd

from ..census.columns import twin_of
from ..census.record import CensusRecord
from ..measures.distinct_status import COVERED
from .details import NOTHING_TO_COMPARE, SHAPES, nothing_to_compare
from .lines import BLOCKS, DISTINCT, INSIDE, LEARNED, NEEDED, Line, asked
from .named import of_concepts
from .verdict import Verdict
from .words import words_of

FAMILIES = {BLOCKS: "directions, outputs of blocks", INSIDE: "directions, nonlinearities", "": "directions"}
WHERE = {BLOCKS: "outputs of blocks", INSIDE: "nonlinearities", "": "hidden layers"}
ANSWERS = {
    LEARNED: {
        "later": "Later layers learned more",
        "earlier": "Earlier layers learned more",
        "middle": "The middle layers learned more than the first and the last",
        "even": "Earlier and later layers learned about equally much",
        "undecided": "Neither earlier nor later layers can be said to have learned more",
    },
    NEEDED: {
        "later": "The answers of this net rest on more of its later layers",
        "earlier": "The answers of this net rest on more of its earlier layers",
        "middle": "The answers of this net rest on more of its middle layers than of the first and the last",
        "even": "The answers of this net rest on about equally much of every layer",
        "undecided": "Neither earlier nor later layers can be said to carry more of this net's answers",
    },
    DISTINCT: {
        "later": "Later layers hold more distinct units",
        "earlier": "Earlier layers hold more distinct units",
        "middle": "The middle layers hold more distinct units than the first and the last",
        "even": "Earlier and later layers hold about equally many distinct units",
        "undecided": "On this evidence neither earlier nor later layers can be said to hold more",
    },
}
PAST = {LEARNED: "was learned", NEEDED: "is needed"}
ONE_RUN = "What of that was learned cannot be told from one training run: give replicas, which are other runs."
WIDTH = (
    "Counting units cannot tell: most that are reliable are the only one of their kind, so that their number follows "
    "the width that a designer chose."
)
FLAT = "flat: the largest and the smallest differ by less than 15 % of the mean"


def paragraph(census: CensusRecord, verdict: Verdict, chosen: Line | None, layers: pd.DataFrame) -> str:
    """The answer with its two numbers, then a line each: what is learned and needed, and why units cannot tell."""
    if chosen is None and verdict.reasons[:1] == (NOTHING_TO_COMPARE,):
        parts = nothing_to_compare(census, verdict, layers)
    else:
        parts = [_headline(census, verdict, chosen, layers)]
    parts = [" ".join(parts), *(_said(census, each) for each in verdict.lines if not each.silent)]
    silent = [each for each in verdict.lines if each.silent and (chosen is not None or not each.final)]
    parts += [f"Nothing can be said of what {PAST[each.count]}: {each.silent}." for each in silent]
    parts += [*_missing(census, verdict), *_units(census, layers), *of_concepts(census)]
    text = "\n".join(parts)
    return "\n".join(filter(None, (text, words_of(text))))


def _headline(census: CensusRecord, verdict: Verdict, chosen: Line | None, layers: pd.DataFrame) -> str:
    count = DISTINCT if chosen is None else chosen.count
    answer = ANSWERS[count][verdict.answer]
    if chosen is not None:
        return f"{answer}: {_ends(census, chosen)}." + _why(verdict)
    if verdict.reasons:
        return answer + ": " + "; ".join(verdict.reasons) + "."
    distinct = layers["distinct"]
    if verdict.answer == "undecided" or not len(distinct) or distinct.isna().any():
        return answer + "."
    return f"{answer}: {distinct.iloc[-1]} in the last hidden layer, {distinct.iloc[0]} in the first."


def _why(verdict: Verdict) -> str:
    return " It is not more definite because " + "; ".join(verdict.reasons) + "." if verdict.reasons else ""


def _ends(census: CensusRecord, line: Line) -> str:
    """The two numbers of the first sentence: of the last and of the first layer."""
    first, last = (_row(census, name) for name in (line.layers[0], line.layers[-1]))
    kind = {BLOCKS: "block", INSIDE: "nonlinearity"}.get(line.family, "hidden layer")
    if line.count == LEARNED:
        of_last, of_first = _of(last), _of(first)
        return (
            f"{of_last} direction{'s' if int(last['needed']) != 1 else ''} that the last {kind} needs, "
            f"{of_first} that the first needs"
        )  # fmt: skip
    return f"on {_directions(last['needed'])} of the last {kind}, on {int(first['needed'])} of the first"


def _of(row: pd.Series) -> str:
    learned, needed = float(row["learned"]), int(row["needed"])
    if round(learned) == needed and learned > 0:
        return f"all {needed} of the {needed}"
    return f"none of the {needed}" if learned == 0 else f"{learned:.1f} of the {needed}".replace(".0 of", " of")


def _said(census: CensusRecord, line: Line) -> str:
    """One line a count: the first and the last layer, the most, the shape, the untrained net beside."""
    rows = [_row(census, name) for name in line.layers]
    values = [float(row[line.count]) for row in rows]
    top = max(range(len(values)), key=values.__getitem__)
    most = f", most in {line.layers[top]} with {_number(values[top])}" if 0 < top < len(values) - 1 else ""
    where = f" ({WHERE[line.family]})" if line.family else ""
    return (
        f"{line.count.capitalize()}{where}: {_number(values[0])} in {line.layers[0]}, {_number(values[-1])} in "
        f"{line.layers[-1]}{most}; {_shape(line)}{_beside(line, rows)}."
    )


def _shape(line: Line) -> str:
    if line.differs:
        return f"the trend depends on what was chosen ({line.differs})"
    shape = {"flat": f"no trend ({FLAT})", "undecided": "no trend beyond what chance gives"}
    return shape.get(line.shape, SHAPES[line.shape])


def _beside(line: Line, rows: list[pd.Series]) -> str:
    """What the untrained nets read in the same layers."""
    twins = [row.get(twin_of(line.count)) for row in rows]
    if any(pd.isna(value) for value in twins):
        return ""
    numbers = [float(value) for value in twins]
    if not any(numbers):
        return "; in untrained nets 0 in every layer"
    ends = " and ".join(f"{_number(numbers[at])} in {line.layers[at]}" for at in (0, -1))
    return f"; in an untrained net {ends}"


def _missing(census: CensusRecord, verdict: Verdict) -> Iterator[str]:
    counts = {line.count for line in verdict.lines if not line.silent or line.count == LEARNED}
    if NEEDED in counts and LEARNED not in counts:
        yield why_not_learned(census)


def why_not_learned(census: CensusRecord) -> str:
    """Why nothing is said of what was learned, and what would tell it: the reason that most layers give."""
    if not census.provenance.replicas:
        return ONE_RUN
    said = (re.search(r"learned (?:is|are) missing: ([^;]*)", str(status)) for status in census.layers["status"])
    reasons = Counter(found[1] for found in said if found)
    why = reasons.most_common(1)[0][0] if reasons else "no layer has a number of them"
    return f"What of that was learned is not known: {why}."


def _units(census: CensusRecord, layers: pd.DataFrame) -> Iterator[str]:
    """Why units cannot tell, where directions were counted and most units are the only one of their kind."""
    if not len(asked(census, NEEDED)) or "coverage" not in layers or not len(layers):
        return
    bound = (layers["coverage"].astype("Float64") < COVERED).fillna(False)
    if 2 * int(bound.sum()) >= len(layers):
        yield WIDTH


def _row(census: CensusRecord, name: str) -> pd.Series:
    return census.layers[census.layers["layer"] == name].iloc[0]


def _directions(number: float) -> str:
    return f"{int(number)} direction{'' if int(number) == 1 else 's'}"


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
