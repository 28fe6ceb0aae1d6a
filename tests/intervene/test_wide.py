"""Layers too wide for matrices of units by units are read from their rows, with the same answer."""

from __future__ import annotations

import pytest

from layercensus.testing.read_directions import Planted, inputs

from .planted import census

COLUMNS = ["needed", "needed_low", "needed_high", "needed_90", "needed_99", "needed_status"]
MODULES = ("moments", "calibrate", "replace", "needs")


def found(kind: str, units: int, directions: int, examples: int) -> list[str]:
    table = census(Planted(kind, units, directions), inputs(kind, units, examples)).layers
    return table[COLUMNS].iloc[0].astype(object).fillna("none").astype(str).tolist()


def widen(monkeypatch: pytest.MonkeyPatch, **wide: int) -> None:
    """From so many units on a layer is wide; for `calibrate` that is also how many rows are kept."""
    for module in MODULES:
        monkeypatch.setattr(f"layercensus.intervene.{module}.WIDE", wide.get(module, wide["others"]))


@pytest.mark.parametrize("kind", ["dense", "conv", "token"])
def test_the_answer_is_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = found(kind, 24, 5, 240)
    widen(monkeypatch, others=8, calibrate=24)  # every row is kept
    assert found(kind, 24, 5, 240) == narrow
    assert narrow[4] == "5"


def test_of_a_wide_map_a_few_positions_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    widen(monkeypatch, others=23, calibrate=23)  # one position an example of 120
    row = found("token", 24, 5, 240)
    assert abs(int(row[4]) - 5) <= 1


def test_fewer_rows_than_units_are_said_to_bind(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = found("dense", 64, 8, 80)
    widen(monkeypatch, others=16)
    assert found("dense", 64, 8, 80) == narrow
    assert narrow[5] == "bound by the examples"
