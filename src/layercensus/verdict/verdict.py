"""The answer to the question, with everything that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

MEANS = {
    "rises": "later",
    "falls": "earlier",
    "peaks": "middle",
    "flat": "even",
    "troughs": "undecided",
    "undecided": "undecided",
}


@dataclass(frozen=True)
class Verdict:
    """The answer and everything that it rests on; as text, a paragraph.

    >>> verdict = census.verdict
    >>> verdict.answer, len(verdict.table)  # of a single hidden layer there is no trend
    ('undecided', 0)
    """

    answer: str  # earlier | later | middle | even | undecided
    table: pd.DataFrame  # a row per measure and correction: tau, tau_low, tau_high, shape, says, agreement, layers
    reasons: tuple[str, ...]  # why the answer is not more definite
    sensitivity: Mapping[str, str] = field(default_factory=dict)  # what the rarefied count would say at others
    lines: tuple[Any, ...] = ()  # what was learned and what is needed over depth, a `Line` for each family of layers
    text: str = ""  # a few sentences, the first of which answers
    details: tuple[str, ...] = ()  # sentences on counts of units, their corrections and the evidence

    def __str__(self) -> str:
        return self.text

    def says(self, measure: str, correction: str) -> str:
        """The answer of one row of the table: "undecided" where it was not measured.

        >>> census.verdict.says("distinct", "raw")
        'undecided'
        """
        return MEANS[self.shape(measure, correction)]

    def shape(self, measure: str, correction: str) -> str:
        """The shape of one row of the table: "undecided" where it was not measured.

        >>> census.verdict.shape("distinct", "raw")
        'undecided'
        """
        row = self.table[(self.table["measure"] == measure) & (self.table["correction"] == correction)]
        return str(row["shape"].iloc[0]) if len(row) else "undecided"

    def p_untrained(self, measure: str, correction: str) -> float:
        """How rare the trend of one row is among untrained nets; nan where it was not asked.

        >>> census.verdict.p_untrained("distinct", "raw")
        nan
        """
        row = self.table[(self.table["measure"] == measure) & (self.table["correction"] == correction)]
        return float(row["p_untrained"].iloc[0]) if len(row) else float("nan")
