"""Laws that every measure obeys; a measure that is added to MEASURES gets all of them, a user's by `testing.check`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from layercensus.errors import CensusError
from layercensus.measures import MEASURES, Column, Evidence, Measure, Outcome, measure
from layercensus.testing import LAWS, check
from layercensus.testing.laws import Measures, gaps_not_zeros, mixed_evidence, order_of_units


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_measure_obeys(law: Callable[[Measures], None]) -> None:
    law(MEASURES)


def spiky(evidence: Evidence) -> Outcome:
    """Says 0 where it has too few examples to say anything."""
    enough = len(evidence.panel) >= 100
    return Outcome(layer={"spiky": float((evidence.panel.peak.amax(0) > 2).sum()) if enough else 0.0})


def out_of_range(evidence: Evidence) -> Outcome:
    return Outcome(layer={"fraction": 1.5})


def scaled(evidence: Evidence) -> Outcome:
    return Outcome(units={"size": evidence.panel.peak.double().abs().mean(0)})


def drawn(evidence: Evidence) -> Outcome:
    return Outcome(layer={"drawn": float(torch.rand(()))})


MUTANTS = {
    "spiky must be missing": Measure(
        "spiky", spiky, {"spiky": Column("units that ever peak above 2", scale_free=False)}
    ),
    "fraction must lie": Measure("range", out_of_range, {"fraction": Column("a fraction", "", 0, 1)}),
    "size must stay the same": Measure("scaled", scaled, unit_columns={"size": Column("mean of the absolute peak")}),
    "drawn must": Measure("drawn", drawn, {"drawn": Column("a number drawn anew")}),
    "must say what it means": Measure("mute", lambda e: Outcome(layer={"mute": 1.0}), {"mute": Column("")}),
}


@pytest.mark.parametrize("says", MUTANTS)
def test_a_measure_that_breaks_a_law_is_caught(says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check(MUTANTS[says])


def brightest(evidence: Evidence) -> Outcome:
    """The unit of the highest mean, said of every unit."""
    highest = evidence.panel.mean.mean(0).argmax()
    return Outcome(units={"brightest": highest.expand(evidence.width).clone()})


def test_a_column_that_names_units_is_held_to_the_order_of_units() -> None:
    column = Column("unit with the highest mean", "", -1, kind="index", scale_free=False, with_units="names")
    names = Measure("brightest", brightest, unit_columns={"brightest": column})
    order_of_units((*MEASURES, names))
    moves = replace(names, unit_columns={"brightest": replace(column, with_units="moves")})
    with pytest.raises(AssertionError, match=r"units\.brightest must stay the same"):
        order_of_units((*MEASURES, moves))


def test_the_law_of_gaps_alone_catches_a_zero_for_too_few_examples() -> None:
    others = [law for law in LAWS if law is not gaps_not_zeros]
    for law in others:
        law((*MEASURES, MUTANTS["spiky must be missing"]))


def test_a_column_that_is_not_declared_is_refused() -> None:
    with pytest.raises(CensusError, match=r"measure 'tacit' must declare its columns in layer_columns\. Got 'extra'"):
        measure(mixed_evidence(), (Measure("tacit", lambda e: Outcome(layer={"extra": 1.0})),))
